def pytest_configure(config):
    config.addinivalue_line("markers", "faults: starts all of Grue and breaks it (over a minute)")
