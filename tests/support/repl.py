"""Run the statements of a pycon block as the interactive interpreter does; the runner starts it in a sandbox.

    python repl.py BLOCK

BLOCK is a file of `>>> ` and `... ` lines; lines without a prompt are old output. The new transcript goes to standard
output. It uses the interpreter's own console classes, so that tracebacks are the ones that a reader sees.
"""

import builtins
import code
import linecache
import sys
import types


def statements(lines):
    """Group the input lines of a block into statements."""
    groups, ended = [], True
    for line in lines:
        if line.startswith(">>> ") or line == ">>>":
            groups.append([line])
            ended = False
        elif groups and not ended and (line.startswith("... ") or line == "..."):
            groups[-1].append(line)
        else:
            ended = True
    return groups


def console(namespace):
    """Give the console of this Python's interactive interpreter and whether it numbers its inputs."""
    if sys.version_info >= (3, 13):
        from _pyrepl.console import InteractiveColoredConsole

        return InteractiveColoredConsole(namespace, filename="<stdin>"), True
    return code.InteractiveConsole(namespace, filename="<stdin>"), False


def main(path):
    """Print the transcript of the block in that file."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    module = types.ModuleType("__main__")
    module.__builtins__ = builtins
    sys.modules["__main__"] = module
    sys.path[0] = ""
    sys.argv = [""]
    shell, numbered = console(module.__dict__)
    for number, group in enumerate(statements(lines)):
        print("\n".join(group), flush=True)
        source = "\n".join(line[4:] for line in group)
        name = f"<python-input-{number}>" if numbered else "<stdin>"
        if numbered:
            linecache.cache[name] = (len(source), None, (source + "\n").splitlines(True), name)
        try:
            # a compound statement ends with an empty line, which a page need not show
            if shell.runsource(source, name, "single") and shell.runsource(source + "\n", name, "single"):
                print("  the statement is not complete", flush=True)
        except SystemExit:
            break
        finally:
            sys.stdout.flush()
            sys.stderr.flush()


main(sys.argv[1])
