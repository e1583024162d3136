"""The two tables of the work list. No identifier of a patient or a study is in them: keys are hashes."""

from sqlalchemy import Column, Float, ForeignKey, Integer, MetaData, String, Table, Text

KEY_LENGTH = 64

metadata = MetaData()

study = Table(
    "study",
    metadata,
    Column("key", String(KEY_LENGTH), primary_key=True),
    Column("state", String(16), nullable=False, index=True),
    Column("revision", Integer, nullable=False),  # counts new images and outlines; voids what was begun before
    Column("changed", Float, nullable=False),  # when the last of them came, seconds since 1970
    Column("ready_at", Float, nullable=False),  # nobody may claim it before: a lease, or a pause after a failure
    Column("holder", String(128), nullable=False),  # whose lease it is; empty when nobody is at it
    Column("attempts", Integer, nullable=False),  # how often it was put back since the last step
    Column("problem", Text, nullable=False),  # one sentence
    Column("answer", Text, nullable=False),  # what a person added, as JSON: a box, a phase
    Column("results", String(64), nullable=False),  # the folder of result objects that counts
    Column("deaths", Integer, nullable=False, server_default="0"),  # leases in a row that ended without a word
)

instance = Table(
    "instance",
    metadata,
    Column("study", ForeignKey("study.key", ondelete="CASCADE"), primary_key=True),
    Column("key", String(KEY_LENGTH), primary_key=True),
    Column("series", String(KEY_LENGTH), nullable=False),
    Column("kind", String(8), nullable=False),
)

expected = Table(
    "expected",
    metadata,
    Column("study", ForeignKey("study.key", ondelete="CASCADE"), primary_key=True),
    Column("key", String(KEY_LENGTH), primary_key=True),  # an instance that somebody names: an outline, an archive
)
