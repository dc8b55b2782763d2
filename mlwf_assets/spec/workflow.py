"""The whole workflow file as one frozen model; `loader.load` makes it from a folder."""

from pathlib import Path
from typing import Literal

from pydantic import Field, PrivateAttr

from mlwf_assets.spec.automation import Automation
from mlwf_assets.spec.base import Name, Names, SpecModel
from mlwf_assets.spec.datasets import Examples, Splits
from mlwf_assets.spec.extensions import NO_CODE, OwnCode
from mlwf_assets.spec.features import Features
from mlwf_assets.spec.mistakes import Lines, Place, line_of, locate
from mlwf_assets.spec.models import Models
from mlwf_assets.spec.names import ROW_ID
from mlwf_assets.spec.outputs import Deployment, Evaluation
from mlwf_assets.spec.partitions import NamedPartitions, Partitions, PartitionsField
from mlwf_assets.spec.project import Project
from mlwf_assets.spec.sources import FilesSource, Source
from mlwf_assets.spec.tables import Entity, Table


class Workflow(SpecModel):
    """Everything that a user says about one workflow: the `attributes` of a defs.yaml."""

    version: Literal[1] = Field(default=1, description="The version of this file's form.")
    name: Name = Field(description="The workflow's name; the first part of every asset key.")
    description: str = Field(default="", description="A few words on the workflow.")
    project: Project = Field(description="The question, and when the answer is good enough.")
    partitions: PartitionsField | None = Field(
        default=None, description="How rows are cut: by time (`every`, `start`), or by names (`names`)."
    )
    sources: dict[Name, Source] = Field(min_length=1, description="Where the data is.")
    tables: dict[Name, Table] = Field(default={}, description="What clean data means; default: one per source.")
    relationships: Names = Field(default=(), description="'CHILD.COLUMN -> PARENT.COLUMN', one line each.")
    entities: dict[Name, Entity] = Field(default={}, description="Entities without a table of their own.")
    examples: Examples = Field(description="Which predictions are made, and what is predicted.")
    splits: Splits = Field(default=Splits(by="random"), description="Train, validation and test.")
    features: Features = Field(default=Features(), description="Which features are made.")
    models: Models = Field(default=Models(), description="Which models are tried.")
    evaluation: Evaluation = Field(default=Evaluation(), description="How the model is judged.")
    deployment: Deployment | None = Field(default=None, description="Where the model goes.")
    automation: Automation | None = Field(default=None, description="When it runs by itself.")
    python: Names = Field(
        default=(), description="Python files of the workflow's folder, which add what this file cannot say."
    )

    _folder: Path = PrivateAttr(default=Path())
    _text: str = PrivateAttr(default="")
    _lines: Lines = PrivateAttr(default_factory=dict)
    _own: OwnCode = PrivateAttr(default=NO_CODE)
    _sample: tuple[str, float] | None = PrivateAttr(default=None)

    def read_from(self, file: Path, lines: Lines, own: OwnCode = NO_CODE, text: str = "") -> "Workflow":
        """Return the workflow with where it stands: its file and text, the line of each part, what its Python adds."""
        placed = self.model_copy()
        placed._folder, placed._lines, placed._own = file.parent, lines, own  # noqa: SLF001 (our own class)
        placed._text = text  # noqa: SLF001
        return placed

    def as_sample_of(self, name: str, share: float) -> "Workflow":
        """Return the workflow as a sample of the one of that name."""
        placed = self.model_copy()
        placed._sample = (name, share)  # noqa: SLF001 (our own class)
        return placed

    @property
    def whole_name(self) -> str:
        """The name of the workflow that this one is a sample of, else its own."""
        return self._sample[0] if self._sample else self.name

    @property
    def share(self) -> float | None:
        """The share of the examples that it is over; None: all of them."""
        return self._sample[1] if self._sample else None

    @property
    def own(self) -> OwnCode:
        """The Python files of the workflow's folder, and what they add."""
        return self._own

    @property
    def text(self) -> str:
        """What stood in the file when it was read."""
        return self._text

    @property
    def folder(self) -> Path:
        """The folder that the file stands in; relative paths of the file start there."""
        return self._folder

    @property
    def file(self) -> Path:
        """The file that the workflow was read from."""
        return self._folder / "defs.yaml"

    @property
    def example_key(self) -> tuple[str, ...]:
        """The columns that name an example: the key of its table, else the row's place in its file."""
        return self.tables[self.examples.table].key or (ROW_ID,)

    def line_of(self, place: Place) -> int:
        """Return the line of a place in the file, or of the nearest place above it that is written there."""
        return line_of(self._lines, place)

    def locate(self, place: Place) -> str:
        """Write a place as messages do: file, line and field."""
        return locate(self.file, self._lines, place)

    def is_written(self, place: Place) -> bool:
        """Say whether the file says this itself, or it was filled in."""
        return place in self._lines

    @property
    def lines(self) -> Lines:
        """Where each part of the file stands: place -> line."""
        return self._lines

    @property
    def timeline(self) -> Partitions | None:
        """How time is cut; None where it is not: there are no partitions, or they have names."""
        return self.partitions if isinstance(self.partitions, Partitions) else None

    def is_partitioned_source(self, source: str) -> bool:
        """Say whether a source is cut: by its time, or by its part where partitions have names."""
        found = self.sources.get(source)
        if self.partitions is None or not isinstance(found, FilesSource):
            return False
        return (found.part if isinstance(self.partitions, NamedPartitions) else found.time) is not None

    def has_time(self, table: str) -> bool:
        """Say whether the rows of a table have a time of their own, `_time`: its sources give it."""
        if not self.is_partitioned(table):
            return False
        sources = (self.sources.get(source) for source in self.tables[table].sources or (table,))
        return any(isinstance(source, FilesSource) and source.time is not None for source in sources)

    def is_partitioned(self, table: str) -> bool:
        """Say whether a table is cut into partitions: it is when its sources are, for all of them are or none is.

        A table that is made by SQL is not: each of its rows may come from rows of all partitions.
        """
        if table not in self.tables or self.tables[table].sql is not None:
            return False
        return any(self.is_partitioned_source(source) for source in self.tables[table].sources or (table,))
