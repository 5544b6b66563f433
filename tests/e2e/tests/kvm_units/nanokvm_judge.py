"""Drives a NanoKVM by the client library `nanokvm`: HOST:PORT, then what to do; prints what comes of each.

The password is in UNIT_PASSWORD.
"""

import asyncio
import io
import os
import sys

from PIL import Image

from nanokvm.client import NanoKVMClient
from nanokvm.models import GpioType


async def main() -> None:
    async with NanoKVMClient(f"http://{sys.argv[1]}/api/", use_password_obfuscation=True) as unit:
        try:
            await unit.authenticate("admin", os.environ["UNIT_PASSWORD"])
        except Exception as error:
            sys.exit(f"{type(error).__name__}: {error}")
        for word in sys.argv[2:]:
            kind, _, argument = word.partition(":")
            if kind == "light":
                print((await unit.get_gpio()).pwr)
            elif kind == "picture":
                async for frame in unit.mjpeg_stream_bytes():
                    image = Image.open(io.BytesIO(frame))
                    image.load()
                    print(image.format, image.width, image.height)
                    break
            elif kind == "type":
                await unit.paste_text(argument)
                print("typed")
            elif kind == "press":
                button, milliseconds = argument.split(",")
                await unit.push_button(GpioType(button), int(milliseconds))
                print("pressed")
            else:
                sys.exit(f"what is {word}?")


asyncio.run(main())
