"""An option and its Greeks: one sweep back from the price gives all five.

A call option is the right to buy a share in `years` at the price `strike`. Black and Scholes' formula says what it is
worth, and its derivatives have names, because traders live by them: delta says how many shares to hold against it.

Run: python demos/stories/option.py
Look: autograd-tiny step demos/stories/option.py:price
"""

import math
from pathlib import Path

from autograd_tiny import Value, grad, trace, tracing

MARKET = {"spot": 100.0, "strike": 105.0, "volatility": 0.2, "rate": 0.03, "years": 0.5}


def normal(x):
    """Probability that a normal number is below x."""
    return 0.5 * (1 + (x / math.sqrt(2)).erf())


def price(spot=100.0, strike=105.0, volatility=0.2, rate=0.03, years=0.5):
    """Value of a call."""
    names = {"spot": spot, "strike": strike, "volatility": volatility, "rate": rate, "years": years}
    spot, strike, volatility, rate, years = (x if isinstance(x, Value) else Value(x, name) for name, x in names.items())
    spread = volatility * years.sqrt()
    d1 = ((spot / strike).log() + (rate + volatility**2 / 2) * years) / spread
    d2 = d1 - spread
    spread.name, d1.name, d2.name = "spread", "d1", "d2"
    return spot * normal(d1) - strike * (-rate * years).exp() * normal(d2)


def closed_form(spot, strike, volatility, rate, years):
    """The Greeks as the books have them."""
    spread, sold = volatility * math.sqrt(years), strike * math.exp(-rate * years)
    d1 = (math.log(spot / strike) + (rate + volatility**2 / 2) * years) / spread
    density = math.exp(-d1 * d1 / 2) / math.sqrt(2 * math.pi)
    below = {d: 0.5 * (1 + math.erf(d / math.sqrt(2))) for d in (d1, d1 - spread)}
    return {
        "delta": below[d1],
        "vega": spot * density * math.sqrt(years),
        "rho": years * sold * below[d1 - spread],
        "theta": -spot * density * volatility / (2 * math.sqrt(years)) - rate * sold * below[d1 - spread],
        "gamma": density / (spot * spread),
    }


def main():
    with tracing() as recording:
        market = {name: Value(x, name) for name, x in MARKET.items()}
        worth = price(**market)
    worth.backward()
    greeks = {
        "delta": market["spot"].grad,
        "vega": market["volatility"].grad,
        "rho": market["rate"].grad,
        "theta": -market["years"].grad,  # time passes, the years left become fewer
        "gamma": float(grad(grad(price, "spot"), "spot")(**MARKET)),
    }
    print(f"worth  {worth.data:9.4f}")
    for name, x in closed_form(**MARKET).items():
        print(f"{name:6} {greeks[name]:9.4f}   in the books {x:9.4f}   apart {abs(greeks[name] - x):.0e}")

    moved = price(**MARKET | {"spot": 101.0}).data - worth.data
    print(f"the share rises by 1: delta says {greeks['delta']:+.4f}, with gamma", end=" ")
    print(f"{greeks['delta'] + greeks['gamma'] / 2:+.4f}, the formula {moved:+.4f}")
    out = Path("out")
    out.mkdir(exist_ok=True)
    print("The price, step by step:", trace(worth, recording).html(out / "option.html"))


if __name__ == "__main__":
    main()
