"""Drives a PiKVM by pikvm-lib: HOST:PORT, then what to do; prints what comes of each.

The password is in UNIT_PASSWORD.
"""

import os
import sys

from pikvm_lib.pikvm import PiKVM

unit = PiKVM(sys.argv[1], "admin", os.environ["UNIT_PASSWORD"], ws_client=None)
for word in sys.argv[2:]:
    kind, _, argument = word.partition(":")
    if kind == "check":
        print(unit.isauth())
    elif kind == "light":
        state = unit.get_atx_state()
        print(state["enabled"], state["busy"], state["leds"]["power"])
    elif kind == "picture":
        image = unit.get_streamer_image()
        image.load()
        print(image.format, image.width, image.height)
    elif kind == "type":
        unit.ws_client.send_input(argument)
        print("typed")
    elif kind == "click":
        unit.click_atx_button(argument)
        print("clicked")
    elif kind == "power":
        unit.set_atx_power(action=argument)
        print("done")
    else:
        sys.exit(f"what is {word}?")
