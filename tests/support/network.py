"""A network of the tests' own: servers on a switch, each by a cable that can be cut, and a place for their clients."""

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator

import psutil

from support import debian
from support.debian import Made, NoServer, Server

CLIENTS = "10.77.0.1"  # the address from which clients ask; the network is in no table of this machine
MAC = "02:00:00:00:00:01"
FIRST = 11  # last number of the address of the first server
CABLE = "eth0"  # what a server calls its end
LIMIT = 30.0  # seconds for one command


class Network:
    """A switch with its servers, and the clients' place, which is a network namespace and nothing else.

    Attributes:
        addresses: of the servers, by their first processes.
    """

    def __init__(self, place: int) -> None:
        """Make the switch in the network of a process, whose place becomes the clients'."""
        self._place = Server(place)
        self.addresses: dict[int, str] = {}
        # With an address of its own, the switch does not take that of a cable, and another when that one is cut.
        switch = f"link add switch address {MAC} type bridge"
        self._ip(place, "link set lo up", switch, f"address add {CLIENTS}/24 dev switch")
        self._ip(place, "link set switch up")

    def join(self, server: Server) -> str:
        """Lay a cable from the switch to a server, and give the address that the server has on this network."""
        number = FIRST + len(self.addresses)
        address = CLIENTS.rpartition(".")[0] + f".{number}"
        self.addresses[server.pid] = address
        cable = self._cable(server)
        self._ip(self._place.pid, f"link add {cable} type veth peer name {CABLE} netns {server.pid}")
        self._ip(self._place.pid, f"link set {cable} master switch up")
        self._ip(server.pid, f"address add {address}/24 dev {CABLE}", f"link set {CABLE} up")
        return address

    def cut(self, server: Server) -> None:
        """Take the cable out at the switch: what is sent is lost, and neither side is told."""
        self._ip(self._place.pid, f"link set {self._cable(server)} nomaster")

    def mend(self, server: Server) -> None:
        """Put the cable in again."""
        self._ip(self._place.pid, f"link set {self._cable(server)} master switch")

    def kill(self, server: Server) -> None:
        """End a server at once, with all that runs on it; it does not come back, and its cable goes with it."""
        first = psutil.Process(server.pid)
        first.kill()
        first.wait(LIMIT)  # the system ends all others before it

    def in_network(self, call: Callable[[], Made]) -> Made:
        """Call a function where the clients are: a socket that it makes belongs there, also afterwards."""
        return self._place.in_network(call)

    def _cable(self, server: Server) -> str:
        return f"to{self.addresses[server.pid].rpartition('.')[2]}"

    def _ip(self, place: int, *lines: str) -> None:
        """Run commands of the program `ip` in the network of a process."""
        command = ["nsenter", f"--target={place}", "--net", "--", "ip", "-batch", "-"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "timeout": LIMIT}
        done = subprocess.run(command, input="\n".join([*lines, ""]), **pipes)
        if done.returncode:
            raise AssertionError(f"ip {'; '.join(lines)}: exit status {done.returncode}\n{done.stdout}")


def lacking() -> str:
    """Tell why this machine cannot have such a network, or nothing if it can."""
    return debian.lacking() or ("" if shutil.which("ip") else "ip is missing: apt install iproute2")


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """Make a network, on which nothing is yet; it is gone with the servers that joined it.

    Raises:
        NoServer: this machine does not permit it.
    """
    if reason := lacking():
        raise NoServer(reason)
    # `cat` ends when its input does, so at the latest with this process.
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(["unshare", "--net", "cat"], **pipes) as place:
        try:
            place.stdin.write("entered\n")
            place.stdin.flush()
            if (said := place.stdout.readline()) != "entered\n":
                raise NoServer(f"no network of its own: {said}")
            yield Network(place.pid)
        finally:
            place.kill()
