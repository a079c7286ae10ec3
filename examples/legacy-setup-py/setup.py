"""Describe folder-report to setuptools, the way of about 2016."""

import os
import re

from setuptools import find_packages, setup

HERE = os.path.dirname(os.path.abspath(__file__))


def read(*names):
    """Give the text of a file of the project."""
    with open(os.path.join(HERE, *names), "rb") as stream:
        return stream.read().decode("utf-8")


setup(
    name="folder-report",
    version=re.search(r'__version__ = "(.+)"', read("folder_report", "__init__.py")).group(1),
    description="Say what fills a folder, one kind of file after the other.",
    long_description=read("README.md"),
    url="https://example.org/folder-report",
    license="MIT",
    keywords="disk usage",
    classifiers=[
        "Environment :: Console",
        "License :: OSI Approved :: MIT License",
        "Programming Language :: Python :: 2.7",
        "Programming Language :: Python :: 3.5",
    ],
    packages=find_packages(exclude=["tests"]),
    include_package_data=True,
    package_data={"folder_report": ["*.csv"]},
    zip_safe=False,
    install_requires=read("requirements.txt").splitlines(),
    entry_points={"console_scripts": ["folder-report = folder_report.cli:main"]},
    tests_require=["pytest"],
    test_suite="tests",
)
