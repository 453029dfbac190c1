"""The machine underneath: process groups and their guardian, locks, file-system facts, optional imports."""
