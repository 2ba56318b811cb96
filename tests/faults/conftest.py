def pytest_configure(config):
    config.addinivalue_line("markers", "faults: starts a whole house and breaks it (over a minute)")
