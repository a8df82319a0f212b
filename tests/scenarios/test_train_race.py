#!/usr/bin/env python3
"""vigil train with several workers, short enough for ThreadSanitizer to watch."""
from test_train import RECIPES, SMALL, Folder, train, vigil

DATA = "simulator:patients=6,duration=30m,seed=3"


def workers_share(name):
    kind, sets = SMALL[name]
    with Folder() as folder:
        train(kind, RECIPES / f"{name}.yaml", folder / "out.safetensors", DATA, "--workers", "3",
              sets=sets)


def workers_share_the_steps_of_a_network_that_goes_through_time():
    workers_share("demo_forecast")


def workers_share_the_steps_of_a_network_of_one_step():
    workers_share("demo_autoencoder")


if __name__ == "__main__":
    vigil.main(workers_share_the_steps_of_a_network_that_goes_through_time,
               workers_share_the_steps_of_a_network_of_one_step)
