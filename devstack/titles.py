"""Words that titles, people-free plots and episodes are made of: public-domain classics and inventions."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: (title, year, language, genres, minutes); all in the public domain in the United States
CLASSICS: tuple[tuple[str, int, str, tuple[str, ...], int], ...] = (
    ("A Trip to the Moon", 1902, "French", ("Adventure", "Science Fiction"), 14),
    ("The Great Train Robbery", 1903, "English", ("Western",), 12),
    ("The Cabinet of Dr. Caligari", 1920, "German", ("Horror", "Thriller"), 77),
    ("The Kid", 1921, "English", ("Comedy", "Drama"), 68),
    ("Häxan", 1922, "Swedish", ("Documentary", "Horror"), 105),
    ("Nosferatu", 1922, "German", ("Horror", "Fantasy"), 94),
    ("Safety Last!", 1923, "English", ("Comedy",), 74),
    ("Sherlock Jr.", 1924, "English", ("Comedy", "Action"), 45),
    ("The Lost World", 1925, "English", ("Adventure", "Fantasy"), 106),
    ("The Phantom of the Opera", 1925, "English", ("Horror", "Drama"), 93),
    ("Battleship Potemkin", 1925, "Russian", ("Drama", "History"), 75),
    ("The General", 1926, "English", ("Comedy", "Action"), 79),
    ("Metropolis", 1927, "German", ("Drama", "Science Fiction"), 153),
    ("Sunrise", 1927, "English", ("Drama", "Romance"), 94),
    ("Steamboat Bill, Jr.", 1928, "English", ("Comedy",), 70),
    ("The Passion of Joan of Arc", 1928, "French", ("Drama", "History"), 82),
    ("Man with a Movie Camera", 1929, "Russian", ("Documentary",), 68),
    ("My Man Godfrey", 1936, "English", ("Comedy", "Romance"), 94),
    ("His Girl Friday", 1940, "English", ("Comedy", "Romance"), 92),
    ("Detour", 1945, "English", ("Crime", "Drama"), 68),
    ("D.O.A.", 1950, "English", ("Crime", "Mystery"), 84),
    ("House on Haunted Hill", 1959, "English", ("Horror",), 75),
    ("Carnival of Souls", 1962, "English", ("Horror", "Mystery"), 78),
    ("Charade", 1963, "English", ("Comedy", "Thriller"), 113),
    ("Night of the Living Dead", 1968, "English", ("Horror",), 96),
)

ADJECTIVES = _words("""
    Amber Borrowed Brass Broken Burning Careful Copper Crooked Distant Drowned Electric Empty Faithful Feral Final
    Floating Forgotten Fourth Frozen Gentle Gilded Glass Golden Hidden Hollow Honest Hungry Idle Inland Iron Last
    Little Lonely Lost Low Magnetic Marble Midnight Minor Narrow Northern Numbered Open Other Paper Patient Pale
    Perfect Private Quiet Restless Sacred Salt Scarlet Second Secret Seventh Silent Silver Sleeping Slow Small Solar
    Southern Stolen Stubborn Sunken Third Tidal Tin Unlikely Unwritten Velvet Violet Wandering Western White Wild
    Winter Wooden
""")

NOUNS = _words("""
    Accord Alibi Anchor Apprentice Archive Astronomer Atlas Bargain Beacon Bridge Brother Cabinet Cartographer
    Chapel Chorus Circus Clockmaker Coast Colony Compass Courier Daughter Delta Detective Diary Dinner Door Echo
    Election Engine Exile Expedition Factory Ferry Field Fire Garden Gate Ghost Glacier Guest Harbour Harvest
    Horizon Hotel Hour House Hunter Inheritance Island Jury Keeper Kingdom Lake Lantern Ledger Letter Library
    Lighthouse Machine Map Market Meridian Mirror Monsoon Mountain Museum Neighbour Notebook Observatory Ocean
    Office Orbit Orchard Orchestra Passenger Pilot Planet Platform Postcard Promise Queen Quarry Radio Railway
    Rehearsal Reservoir River Road Satellite School Season Sentence Shadow Signal Sister Song Station Storm Stranger
    Summer Symphony Tailor Telescope Theatre Thief Tide Tower Train Translator Tunnel Valley Verdict Village Visitor
    Voyage Waltz Watchmaker Weather Well Widow Window Witness Wolf Workshop Year
""")

PLACES = _words("""
    Aberlour Antwerp Bergen Bilbao Bologna Brest Cadiz Calais Cork Cuxhaven Dover Genoa Ghent Gdansk Hobart
    Inverness Izmir Lisbon Lorient Marseille Narvik Oban Odense Oslo Ostend Palermo Piraeus Porto Reykjavik Riga
    Rostock Split Tallinn Tangier Trieste Turku Utrecht Valparaiso Vilnius Whitby
""")

GENRES = (
    "Action",
    "Adventure",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Family",
    "Mystery",
    "Science Fiction",
    "Thriller",
)
STUDIOS = (
    "Harbour Street Pictures",
    "Lanternfish Films",
    "Northgate",
    "Studio Mirabelle",
    "Two Rivers Film",
    "Blue Anvil",
)
NETWORKS = ("Channel Nine and a Half", "Kanal Nord", "Meridian+", "Télé Littoral", "Open Air", "Tower Network")
GROUPS = (
    "LANTERN",
    "NORTHGATE",
    "PiXELFERRY",
    "TiDE",
    "HarbourHD",
    "QUARRY",
    "oRBiT",
    "MERiDiAN",
    "SALTWATER",
    "BRASS",
)
ANIME_GROUPS = ("TodaiSubs", "Kazefuku", "LanternRaws")
