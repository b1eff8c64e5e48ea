"""Label maps to pictures: ``python examples/generate.py`` draws the maps of examples/maps into out/generate."""

import argparse
from pathlib import Path

import semsyn

MAPS = Path(__file__).parent / "maps"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("maps", nargs="*", type=Path, help="label maps (default: those of examples/maps)")
    parser.add_argument("--name", default="clade/toyscenes", help="weights, as `semsyn list` shows them")
    parser.add_argument("--out", type=Path, default=Path("out/generate"), help="folder for the pictures")
    parser.add_argument("--seed", type=int, default=0, help="of the codes, for generators that draw any")
    args = parser.parse_args()
    maps = args.maps or sorted(MAPS.glob("*.png"))

    generator = semsyn.load_pretrained(args.name)
    pictures = generator.render(maps, seed=args.seed)

    args.out.mkdir(parents=True, exist_ok=True)
    for path, picture in zip(maps, pictures, strict=True):
        picture.save(args.out / f"{path.stem}.png")
        print(args.out / f"{path.stem}.png")


if __name__ == "__main__":
    main()
