"""A recorded temperature ramp: a Raspberry Pi 3 B that is worked harder and harder, until it slows itself down.

Seconds since the first reading, and °C. Readings of the `sbc-bench` project (its result 4hOp of 5 December 2022; BSD
3-Clause, copyright 2018 Thomas Kaiser), taken every 3 to 50 seconds during 25 minutes: memory and single-core tests at
about 60 °C, then all four cores, which bring it over 75 °C again and again and at last to 85 °C.
"""

# fmt: off
RASPBERRY_PI_3: tuple[tuple[int, float], ...] = (
    (0, 58.0), (40, 62.3), (80, 61.2), (120, 60.1), (160, 60.1), (200, 59.1), (240, 59.1), (280, 59.1), (321, 59.1),
    (361, 59.1), (394, 59.6), (397, 59.1), (400, 59.6), (403, 60.1), (406, 61.2), (409, 60.7), (413, 60.1),
    (416, 60.1), (419, 60.1), (422, 60.1), (423, 60.1), (439, 61.2), (455, 62.3), (471, 62.3), (487, 61.8),
    (503, 62.8), (519, 61.8), (531, 63.4), (546, 62.3), (561, 62.3), (576, 61.8), (591, 62.3), (606, 61.8),
    (622, 61.2), (637, 61.8), (652, 61.2), (667, 61.8), (682, 61.2), (695, 62.3), (726, 79.0), (756, 78.4),
    (786, 78.4), (817, 70.9), (856, 77.9), (889, 81.7), (919, 79.5), (956, 76.3), (988, 74.7), (1018, 73.6),
    (1048, 76.8), (1079, 81.7), (1109, 81.7), (1142, 83.8), (1173, 75.2), (1210, 79.0), (1225, 81.1), (1274, 84.4),
    (1326, 83.8), (1376, 84.9), (1428, 84.4), (1479, 83.8),
)
# fmt: on
