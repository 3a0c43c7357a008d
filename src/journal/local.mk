# src/journal: sources, library and unit tests.
