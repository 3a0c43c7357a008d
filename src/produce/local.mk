# src/produce: sources, library and unit tests.
