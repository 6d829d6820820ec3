"""How the public pages look: light and dark, narrow and wide, with nothing from elsewhere."""

from __future__ import annotations

from typing import Final

_DARK: Final = (
    "--ink:#e6ecf2;--soft:#a3b1bf;--line:#3a4756;--paper:#10161d;--card:#18212b;--accent:#3fb8af;"
    "--accent-ink:#08201f;--bad:#ff9d8a;--added:#123c2b;--removed:#47211b;color-scheme:dark"
)
_LIGHT: Final = (
    "--ink:#16202c;--soft:#55636f;--line:#cfd7df;--paper:#f5f7fa;--card:#fff;--accent:#0b6e6e;"
    "--accent-ink:#fff;--bad:#a3341f;--added:#d9f2e3;--removed:#fbe0da;color-scheme:light"
)
STYLE: Final = (
    f":root{{{_LIGHT}}}@media(prefers-color-scheme:dark){{:root{{{_DARK}}}}}"
    f":root[data-theme=light]{{{_LIGHT}}}:root[data-theme=dark]{{{_DARK}}}"
    """
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.wide{max-width:46rem;margin:0 auto;padding:0 1.25rem}
.skip{position:absolute;left:-100rem}.skip:focus{position:static;display:inline-block;padding:.5rem 1rem}
header{background:var(--card);border-bottom:1px solid var(--line)}
header .wide{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;align-items:center;padding-block:.75rem}
header strong{margin-inline-end:auto}nav{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem}
nav a{padding:.25rem 0}nav a[aria-current]{color:var(--ink);font-weight:600}
a{color:var(--accent)}nav a{text-decoration:none}nav a:hover,nav a:focus{text-decoration:underline}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
main{padding-block:2rem 3rem;overflow-wrap:break-word}h1{font-size:1.75rem;line-height:1.25;margin:0 0 .75rem}
h2{font-size:1.2rem;line-height:1.3;margin:2.25rem 0 .5rem}p{margin:.5rem 0 1rem}
ul{padding-inline-start:1.25rem;margin:.5rem 0 1rem}li{margin:.25rem 0}
.soft{color:var(--soft)}.small{font-size:.9rem}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:10px;background:var(--card)}
table{border-collapse:collapse;width:100%;font-size:.93rem}
th,td{text-align:start;vertical-align:top;padding:.6rem .8rem;border-top:1px solid var(--line)}
thead th{border-top:0;color:var(--soft);font-weight:600}
@media(max-width:40rem){.stack thead{position:absolute;left:-100rem}.stack tr{display:block;
padding:.6rem .8rem;
border-top:1px solid var(--line)}.stack tr:first-child{border-top:0}.stack th,.stack td{display:block;
border:0;
padding:.1rem 0}.stack td::before{content:attr(data-label) ": ";color:var(--soft)}}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.1rem 1.25rem;
margin:1rem 0}
.banner{background:var(--card);border-bottom:1px solid var(--line)}.banner .wide{padding-block:1rem}
.banner h2{margin:0 0 .25rem;font-size:1.05rem}
.choices{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.6rem;max-width:36rem}
button,.button{display:block;font:inherit;font-weight:600;text-align:center;text-decoration:none;
padding:.65rem 1rem;
border:1px solid var(--accent);border-radius:8px;background:var(--accent);color:var(--accent-ink);
cursor:pointer}
fieldset{border:1px solid var(--line);border-radius:12px;background:var(--card);margin:1rem 0;
padding:.75rem 1.25rem}
form{margin-bottom:1.75rem}.banner form{margin:0}
legend{font-weight:600;padding:0 .4rem}
.check{display:grid;grid-template-columns:auto 1fr;gap:.1rem .75rem;padding:.6rem 0}.check span{grid-column:2}
input[type=checkbox],input[type=radio]{width:1.2rem;height:1.2rem;margin:.2rem 0 0;accent-color:var(--accent)}
.field{margin:0 0 1.1rem}.field label{display:block;font-weight:600}.field .soft{display:block}
.field input,.field select,.field textarea{font:inherit;width:100%;padding:.6rem .75rem;
border:1px solid var(--soft);border-radius:8px;background:var(--paper);color:var(--ink);margin-top:.3rem}
.field [aria-invalid],fieldset[aria-invalid]{border:2px solid var(--bad)}.error{color:var(--bad);
font-weight:600;display:block;margin-top:.3rem}
[role=status],[role=alert]{border-inline-start:4px solid var(--accent);padding:.25rem 0 .25rem .9rem;
font-weight:600}
[role=alert]{border-color:var(--bad)}.pair{display:grid;gap:0 1rem;
grid-template-columns:repeat(auto-fit,minmax(13rem,1fr))}
@media(max-width:26rem){.choices{grid-template-columns:1fr}}
ins{background:var(--added);text-decoration:underline}del{background:var(--removed)}
.text{white-space:pre-line;overflow-wrap:anywhere}
footer{border-top:1px solid var(--line);color:var(--soft);font-size:.9rem}
footer .wide{padding-block:1rem 2rem}
"""
)
