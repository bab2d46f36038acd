"""The script that probes inside a pod, and what it says.

Comes in: targets. Goes out: the words to run, the bytes to tell them, and from each line that comes back an
Answer. Nothing of a target is ever part of a command line of the script: names and addresses are data on its
standard input, up to a line `END`, since the standard input of older protocols never ends. A line without our
mark in front is no answer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from lab.probes import Protocol

MARK = "kubereach1"
_WINDOW = 16
"""Probes at a time in one pod: enough to wait for many at once, few enough for its process limit."""
_LINE = re.compile(rf"{MARK} (start|end) ([0-9]+)(?: ([A-Z]+)(?: (.*))?)?")
_TOOL = re.compile(rf"{MARK} tool ([a-z]+)")


class Said(Enum):
    """What a program saw of a connection, before anybody thinks about it."""

    OPEN = "OPEN"
    REFUSED = "REFUSED"
    TIMEOUT = "TIMEOUT"
    OTHER = "OTHER"
    UNSUPPORTED = "UNSUPPORTED"
    BROKEN = "BROKEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What to connect to, and the seconds to wait."""

    number: int
    protocol: Protocol
    address: str
    port: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A line about a target: that it `begins`, or what was `said` about it."""

    number: int
    said: Said | None
    words: str = ""


# `wait` for the oldest keeps at most so many probes under way; POSIX has no wait for any. Each answer is one
# `printf` of less than a pipe's atomic size. What a proxy says would be about the proxy. agnhost: `connect`
# prints TIMEOUT, REFUSED or OTHER; of SCTP it says `refused` where no association came to be, and what goes
# wrong with one later shows that there was one. curl tells by time_connect that a connection came to be,
# whatever came of it then. netcat says `open`, `succeeded` or `Connected` with -v; a busybox that was built
# without -v ends well once it is connected, if it is to run `true` then. GNU's wget tells what it is
# connected to; busybox's does not: its time limit is the same for a connection and for an answer.
SCRIPT = r"""
set -f
export LC_ALL=C
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
mark=kubereach1 window=$1
shift $#
tool=none agnhost=
for each in /agnhost agnhost; do
  if [ -z "$agnhost" ] && command -v "$each" >/dev/null 2>&1; then agnhost=$each tool=agnhost; fi
done
if [ $tool = none ]; then
  if command -v curl >/dev/null 2>&1; then tool=curl
  elif command -v bash >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1; then tool=bash
  elif command -v nc >/dev/null 2>&1; then
    tool=nc verbose='-n -v' run=
    case $(nc $verbose -w 1 127.0.0.1 1 </dev/null 2>&1) in *sage:*) verbose= run='-e true' ;; esac
  elif command -v wget >/dev/null 2>&1; then tool=wget
  fi
fi
printf '%s tool %s\n' $mark $tool
by_words() {
  case $1 in
    *sage:*) said=BROKEN ;;
    *efused*) said=REFUSED ;;
    *imed\ out* | *imeout* | *TIMEOUT*) said=TIMEOUT ;;
    *o\ route* | *nreachable* | *rohibited* | *ermission\ denied*) said=OTHER ;;
    *) said=BROKEN ;;
  esac
}
ask() {
  number=$1 protocol=$2 host=$3 port=$4 seconds=$5 whole=$6 words= said=BROKEN
  case $host in *:*) url="[$host]" ;; *) url=$host ;; esac
  if [ $tool != agnhost ] && [ $protocol != tcp ]; then
    printf '%s end %s UNSUPPORTED no program here speaks %s\n' $mark $number $protocol
    return
  fi
  printf '%s start %s\n' $mark $number
  # GNU wget tries twenty times; ncat waits for whoever it is connected to, and takes its time to start.
  limit= long=
  command -v timeout >/dev/null 2>&1 && limit="timeout $((whole + 1))" long="timeout $((whole + 4))"
  case $tool in
    agnhost)
      if words=$($agnhost connect --protocol=$protocol --timeout=${seconds}s "$url:$port" 2>&1); then
        said=OPEN
      else
        case $words in
          TIMEOUT*) said=TIMEOUT ;;
          REFUSED*) said=REFUSED ;;
          OTHER:*refused*) said=REFUSED ;;
          OTHER:*pipe | OTHER:*reset* | OTHER:*EOF | OTHER:*endpoint*)
            if [ $protocol = sctp ]; then said=OPEN; else said=OTHER; fi ;;
          OTHER:* | UNKNOWN:*) said=OTHER ;;
        esac
      fi ;;
    curl)
      words=$(curl -q -v -g -o /dev/null --noproxy '*' -w 'connected=%{time_connect}' \
        --connect-timeout $seconds -m $((whole + 1)) "http://$url:$port/" 2>&1)
      code=$?
      case $words in
        *connected=0 | *connected=0[.,]000000 | *connected=0[.,]000)
          if [ $code = 28 ]; then said=TIMEOUT; else by_words "$words"; fi ;;
        *connected=*) said=OPEN ;;
      esac
      words="curl ended with $code" ;;
    bash)
      words=$(timeout $whole bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash "$host" "$port" 2>&1)
      code=$?
      if [ $code = 0 ]; then said=OPEN
      elif [ $code = 124 ] || [ $code = 143 ]; then said=TIMEOUT
      else by_words "$words"; fi ;;
    nc)
      words=$($long nc $verbose -w $whole "$host" "$port" $run </dev/null 2>&1 >/dev/null)
      code=$?
      case $words in
        *" open"* | *succeeded* | *onnected*) said=OPEN ;;
        ?*) by_words "$words" ;;
        *) if [ $code = 0 ]; then said=OPEN; else said=UNSUPPORTED words="nc does not tell"; fi ;;
      esac ;;
    wget)
      words=$($limit wget -T $whole -O /dev/null "http://$url:$port/" 2>&1)
      code=$?
      case $words in
        *"Connecting to $url:$port... connected."*) said=OPEN ;;
        *"Connecting to $url:$port... failed: Connection timed out"*) said=TIMEOUT ;;
        *HTTP/* | *"ERROR "[45]* | *saved* | *" 100% "* | *"getting response"*) said=OPEN ;;
        *efused*) said=REFUSED ;;
        *o\ route* | *nreachable*) said=OTHER ;;
        *) if [ $code = 0 ]; then said=OPEN; else said=UNSUPPORTED words="wget does not tell"; fi ;;
      esac ;;
  esac
  [ $said = OPEN ] && words=
  set -- $words
  words="$*"
  printf '%s end %s %s %.200s\n' $mark $number $said "$words"
}
while read -r line && [ "$line" != END ]; do
  ask $line </dev/null 2>/dev/null &
  set -- "$@" $!
  if [ $# -ge $window ]; then
    wait $1
    shift
  fi
done
wait
"""


def words(window: int = _WINDOW) -> list[str]:
    """Return the command."""
    return ["sh", "-c", SCRIPT, "kubereach", str(window)]


def told(targets: Iterable[Target]) -> bytes:
    """Return what the command is told."""
    lines = (
        f"{each.number} {each.protocol.name.lower()} {each.address} {each.port}"
        f" {each.seconds:.3f} {max(1, math.ceil(each.seconds))}\n"
        for each in targets
    )
    return "".join((*lines, "END\n")).encode("ascii")


def longest(targets: Iterable[Target], window: int = _WINDOW) -> float:
    """Return the seconds after which the command has ended, or never will."""
    each = [target.seconds + 4 for target in targets]
    return 15 + 2 * max(each, default=0) + 1.5 * sum(each) / window


def tool(line: str) -> str:
    """Return the program that the script found, when the line says so; "" otherwise."""
    found = _TOOL.fullmatch(line)
    return found[1] if found else ""


def answer(line: str) -> Answer | None:
    """Read a line; None when it is no answer."""
    found = _LINE.fullmatch(line)
    if not found:
        return None
    if found[1] == "start":
        return Answer(number=int(found[2]), said=None)
    try:
        return Answer(number=int(found[2]), said=Said(found[3]), words=(found[4] or "").strip())
    except ValueError:
        return None
