"""Well-known mainnet contracts: their names, and where tokens among them keep balances and allowances."""

from __future__ import annotations

from dataclasses import dataclass

from scheduler.access import Address


@dataclass(frozen=True, slots=True)
class Known:
    """A contract; `variables` maps the slot of a mapping or variable to its name, where that is certain."""

    name: str
    variables: dict[int, str]


def _token(name: str, balances: int | None = None, allowances: int | None = None, **others: int) -> Known:
    slots = {"balanceOf": balances, "allowance": allowances, **others}
    return Known(name, {slot: variable for variable, slot in slots.items() if slot is not None})


_COMPOUND = {
    10: "accrualBlockNumber", 11: "borrowIndex", 12: "totalBorrows", 13: "totalReserves", 14: "totalSupply",
    15: "balanceOf", 17: "accountBorrows",
}  # fmt: skip

# Addresses carry the checksum of EIP-55, which a test verifies; slots are those of the verified sources, and a test
# holds them against the Transfer events of the recorded blocks.
_BY_TEXT = {
    # -- tokens
    "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2": _token("WETH", 3, 4),
    "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48": _token("USDC", 9, 10, totalSupply=11, blacklisted=3),
    "0xdAC17F958D2ee523a2206206994597C13D831ec7": _token("USDT", 2, 5, totalSupply=1, isBlackListed=6),
    "0x6B175474E89094C44Da98b954EedeAC495271d0F": _token("DAI", 2, 3, totalSupply=1),
    "0x2260FAC5E5542a773Aa44fBCfeDf7C193bc2C599": _token("WBTC", 0),
    "0x514910771AF9Ca656af840dff83E8264EcF986CA": _token("LINK", 1, 2),
    "0x1f9840a85d5aF5bf1D1762F925BDADdC4201F984": _token("UNI", 4, 3, totalSupply=0, delegates=5),
    "0x95aD61b0a150d79219dCF64E1E6Cc01f0B64C4cE": _token("SHIB", 0, 1),
    "0x7D1AfA7B718fb893dB30A3aBc0Cfc608AaCfeBB0": _token("MATIC", 0, 1),
    "0x6982508145454Ce325dDbE47a25d4ec3d2311933": _token("PEPE", 1, 2),
    "0x9f8F72aA9304c8B593d555F12eF6589cC3A579A2": _token("MKR", 1, 2),
    "0x7Fc66500c84A76Ad7e9c93437bFc5Ac33E2DDaE9": _token("AAVE", 0, 1),
    "0x0bc529c00C6401aEF6D220BE8C6Ea1667F6Ad93e": _token("YFI", 0),
    "0xc00e94Cb662C3520282E6f5717214004A7f26888": _token("COMP", 1, 0, delegates=2),
    "0xD533a949740bb3306d119CC777fa900bA034cd52": _token("CRV", 3),
    "0x6B3595068778DD592e39A122f4f5a5cF09C90fE2": _token("SUSHI", 0, 1),
    "0xae7ab96520DE3A18E5e111B5EaAb095312D7fE84": _token("stETH"),
    "0x7f39C581F595B53c5cb19bD0b3f8dA6c935E2Ca0": _token("wstETH", 0, 1),
    "0x4Fabb145d64652a948d72533023f6E7A623C7C53": _token("BUSD", 1),
    "0x0D8775F648430679A709E98d2b0Cb6250d2887EF": _token("BAT", 1),
    "0xE41d2489571d322189246DaFA5ebDe1F4699F498": _token("ZRX", 0),
    "0xd26114cd6EE289AccF82350c8d8487fedB8A0C07": _token("OMG", 1),
    "0xF433089366899D83a9f26A773D59ec7eCF30355e": _token("MTL", 1),
    # -- exchanges
    "0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D": Known("UniswapV2Router", {}),
    "0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f": Known("UniswapV2Factory", {}),
    "0xE592427A0AEce92De3Edee1F18E0157C05861564": Known("UniswapV3Router", {}),
    "0x68b3465833fb72A70ecDF485E0e4C7bD8665Fc45": Known("UniswapV3Router2", {}),
    "0x1F98431c8aD98523631AE4a59f267346ea31F984": Known("UniswapV3Factory", {}),
    "0xC36442b4a4522E871399CD717aBDD847Ab11FE88": Known("UniswapV3Positions", {}),
    "0xEf1c6E67703c7BD7107eed8303Fbe6EC2554BF6B": Known("UniversalRouter", {}),
    "0x3fC91A3afd70395Cd496C647d5a6CC9D4B2b7FAD": Known("UniversalRouter2", {}),
    "0x66a9893cC07D91D95644AEDD05D03f95e1dBA8Af": Known("UniversalRouter3", {}),
    "0x000000000004444c5dc75cB358380D2e3dE08A90": Known("UniswapV4PoolManager", {}),
    "0x000000000022D473030F116dDEE9F6B43aC78BA3": Known("Permit2", {}),
    "0xd9e1cE17f2641f24aE83637ab66a2cca9C378B9F": Known("SushiRouter", {}),
    "0xC0AEe478e3658e2610c5F7A4A2E1777cE9e4f2Ac": Known("SushiFactory", {}),
    "0xDef1C0ded9bec7F1a1670819833240f027b25EfF": Known("ZeroExProxy", {}),
    "0x1111111254EEB25477B68fb85Ed929f73A960582": Known("OneInchRouter5", {}),
    "0x1111111254fb6c44bAC0beD2854e76F90643097d": Known("OneInchRouter4", {}),
    "0x881D40237659C251811CEC9c364ef91dC08D300C": Known("MetaMaskSwap", {}),
    "0xBA12222222228d8Ba445958a75a0704d566BF2C8": Known("BalancerVault", {}),
    "0xbEbc44782C7dB0a1A60Cb6fe97d0b483032FF1C7": Known("Curve3Pool", {}),
    "0x8d12A197cB00D4747a1fe03395095ce2A5CC6819": Known("EtherDelta", {}),
    "0x9008D19f58AAbD9eD0D60971565AA8510560ab41": Known("CowSettlement", {}),
    # -- lending
    "0x7d2768dE32b0b80b7a3454c06BdAc94A69DDc7A9": Known("AaveV2Pool", {}),
    "0x87870Bca3F3fD6335C3F4ce8392D69350B4fA4E2": Known("AaveV3Pool", {}),
    "0x3d9819210A31b4961b30EF54bE2aeD79B9c9Cd3B": Known("CompoundComptroller", {}),
    "0x5d3a536E4D6DbD6114cc1Ead35777bAB948E3643": Known("cDAI", {}),
    "0x4Ddc2D193948926D02f9B1fE9e1daa0718270ED5": Known("cETH", _COMPOUND),
    "0x39AA39c021dfbaE8faC545936693aC917d5E7563": Known("cUSDC", _COMPOUND),
    # -- collectibles and deposits
    "0x06012c8cf97BEaD5deAe237070F9587f8E7A266d": Known("CryptoKitties", {}),
    "0x7Be8076f4EA4A4AD08075C2508e481d6C946D12b": Known("WyvernExchange", {}),
    "0xa5409ec958C83C3f309868babACA7c86DCB077c1": Known("WyvernRegistry", {}),
    "0x00000000006c3852cbEf3e08E8dF289169EdE581": Known("Seaport1.1", {}),
    "0x00000000000000ADc04C56Bf30aC9d3c0aAF14dC": Known("Seaport1.5", {}),
    "0x0000000000000068F116a894984e2DB1123eB395": Known("Seaport1.6", {}),
    "0x1E0049783F008A0085193E00003D00cd54003c71": Known("OpenSeaConduit", {}),
    "0x57f1887a8BF19b14fC0dF6Fd9B2acc9Af147eA85": Known("EnsRegistrar", {}),
    "0x00000000219ab540356cBB839Cbe05303d7705Fa": Known("DepositContract", {}),
}
KNOWN_TEXTS = tuple(_BY_TEXT)
"""The addresses as written, with their checksums."""
KNOWN: dict[Address, Known] = {bytes.fromhex(text[2:]): known for text, known in _BY_TEXT.items()}

ERC20_TRANSFER = bytes.fromhex("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")
"""The topic of Transfer(address,address,uint256)."""
