# src/policy: sources, library and unit tests.
