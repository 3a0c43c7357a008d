# src/worker: sources, library and unit tests.
