"""How much is measured: a minute's look, an hour, all of it."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How many of what.

    Attributes:
        name: as the page tells it.
        rounds: of which the median is taken.
        latencies: seconds that the sandbox waits before it answers a request.
        sizes: how many at once the peers are tried with.
        is_size_sought_once: at the second latency, instead of at each.
        clients: of one batch of ours.
        cell_clients: for each round in a kernel that is already running.
        kernels: alive at once.
        growth: clients of a batch, and how often it is run.
        cluster_rounds: of local workers and of Dask's, in turn.
        simulated_workers: how many workers, one after the other.
        minutes: a batch that would end later is left out of the table of growth; 0: none is.
    """

    name: str
    rounds: int = 5
    latencies: tuple[float, ...] = (0.0, 0.1, 0.25)
    sizes: tuple[int, ...] = (1, 2, 4, 8)
    is_size_sought_once: bool = False
    clients: int = 200
    cell_clients: int = 5
    kernels: int = 64
    growth: tuple[tuple[int, int], ...] = ((10, 5), (100, 5), (1000, 3))
    cluster_rounds: int = 5
    simulated_workers: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    minutes: float = 0


ALL = Scale(name="all but 5,000 clients")
FULL = replace(ALL, name="all", growth=(*ALL.growth, (5000, 1)))
SESSION = replace(
    ALL,
    name="in an hour",
    sizes=(2, 4),
    is_size_sought_once=True,
    growth=((10, 3), (100, 1), (300, 1), (1000, 1)),
    cluster_rounds=2,
    minutes=60,
)
QUICK = replace(
    SESSION,
    name="a quick look",
    rounds=1,
    latencies=(0.0, 0.25),
    sizes=(2,),
    clients=10,
    cell_clients=2,
    kernels=8,
    growth=((5, 1),),
    cluster_rounds=1,
    simulated_workers=(1, 2),
    minutes=0,
)
