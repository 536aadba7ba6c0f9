"""What all tables share."""

from typing import ClassVar

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import Double, LargeBinary, String, Text

Id = String(22)


class Model(DeclarativeBase):
    # Named constraints can be dropped by name in a later migration, on both databases.
    metadata = MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "fk": "%(table_name)s_%(column_0_name)s_fkey",
            "uq": "%(table_name)s_%(column_0_name)s_key",
            "ix": "%(table_name)s_%(column_0_name)s_idx",
        }
    )
    type_annotation_map: ClassVar = {str: Text, float: Double, bytes: LargeBinary}
