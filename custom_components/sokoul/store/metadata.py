"""Where all tables are known."""

from sqlalchemy import MetaData

METADATA = MetaData()
