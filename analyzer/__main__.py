from analyzer.cli import process

process()
