# src/model: sources, library and unit tests.
