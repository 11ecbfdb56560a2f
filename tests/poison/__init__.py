"""A folder of poisoned files, one defect each, and what must become of every one of them."""

from tests.poison.corpus import CORPUS
from tests.poison.poison import Content, Poison, Rejected, Written

__all__ = ["CORPUS", "Content", "Poison", "Rejected", "Written"]
