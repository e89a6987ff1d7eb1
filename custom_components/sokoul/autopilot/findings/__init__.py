"""What a check-up looks for: one module for each area, one small function for each finding.

Each states what it concludes from and why that doesn't cry wolf: a healthy stack must get no finding.
"""
