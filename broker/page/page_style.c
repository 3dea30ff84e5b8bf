//  SPDX-License-Identifier: Apache-2.0
#include "broker/page/page_style.h"

#include "common/base/base64.h"
#include "common/base/digest.h"
#include "common/base/own.h"

#include <errno.h>
#include <string.h>

//  Contrasts are at least 4.5:1 in both schemes; tests/system/test_page.py measures them.
static const char s_text [] =
    ":root{color-scheme:light dark;--ground:#f4f5f7;--paper:#fff;--ink:#1a1f26;--soft:#525c69;"
    "--line:#d5dae0;--link:#0a57a8;--code:#eef1f4;--critical:#b00f2e;--warning:#8a5200;"
    "--info:#0a57a8;--on:#fff;--shade:#0003}\n"
    "@media (prefers-color-scheme:dark){:root{--ground:#0e1216;--paper:#161b22;--ink:#e5e9ee;"
    "--soft:#9da8b5;--line:#2d3640;--link:#7ab6ff;--code:#20272f;--critical:#ff8896;"
    "--warning:#f0b45a;--info:#7ab6ff;--on:#14080a;--shade:#000a}}\n"
    "*{box-sizing:border-box}\n"
    "html{-webkit-text-size-adjust:100%;text-size-adjust:100%;scroll-padding-top:1rem}\n"
    "body{margin:0;background:var(--ground);color:var(--ink);overflow-wrap:anywhere;"
    "font:1rem/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif}\n"
    "main{max-width:58rem;margin:0 auto;padding:1.25rem 1rem 2.5rem}\n"
    "h1,h2,h3,h4,h5,h6{line-height:1.25;margin:1.8em 0 .5em;font-weight:650}\n"
    "h1{font-size:1.5rem;margin:.35rem 0 .3rem}h2{font-size:1.25rem}h3{font-size:1.1rem}"
    "h4,h5,h6{font-size:1rem}\n"
    "p,ul,ol,blockquote,pre,.wide{margin:.7em 0}ul,ol{padding-left:1.35em}li{margin:.2em 0}\n"
    "a{color:var(--link);text-underline-offset:.15em}\n"
    ":focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:3px}\n"
    "hr{border:0;border-top:1px solid var(--line);margin:1.6em 0}\n"
    "code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
    "font-size:.875em}\n"
    "code{background:var(--code);padding:.12em .32em;border-radius:4px}\n"
    "pre{padding:.75rem .9rem;border-radius:8px;overflow-x:auto;"
    "overflow-wrap:normal;line-height:1.45;tab-size:4}\n"
    "pre code{background:none;padding:0;font-size:1em}\n"
    "pre.plain{white-space:pre-wrap;overflow-wrap:anywhere;max-height:32rem;overflow-y:auto}\n"
    "blockquote{border-left:3px solid "
    "var(--line);padding-left:.75em;margin-left:0;margin-right:0}\n"
    "blockquote blockquote,li blockquote{padding-left:.4em}li li li{margin-left:-.5em}\n"
    ".wide{overflow-x:auto;overflow-wrap:normal;--under:var(--paper)}pre{--under:var(--code)}\n"
    //  a shadow at the side where more is
    ".wide,pre{background:linear-gradient(to right,var(--under) 30%,transparent) left/2.5rem 100%,"
    "linear-gradient(to left,var(--under) 30%,transparent) right/2.5rem 100%,"
    "linear-gradient(to right,var(--shade),transparent) left/.8rem 100%,"
    "linear-gradient(to left,var(--shade),transparent) right/.8rem 100%;"
    "background-attachment:local,local,scroll,scroll;background-repeat:no-repeat;"
    "background-color:var(--under)}\n"
    "table{border-collapse:collapse;font-size:.925em;min-width:50%}\n"
    "th,td{border:1px solid var(--line);padding:.4em .65em;text-align:left;vertical-align:top;"
    "max-width:34rem;overflow-wrap:break-word}\n"
    "th{background:var(--code);font-weight:600}.reason{min-width:14rem}\n";
static const char s_card [] =
    ".card,.report{background:var(--paper);border:1px solid var(--line);border-radius:12px;"
    "padding:1.1rem 1.25rem}\n"
    ".card{border-top:5px solid "
    "var(--tone);border-top-left-radius:5px;border-top-right-radius:5px}\n"
    ".critical{--tone:var(--critical)}.warning{--tone:var(--warning)}.info{--tone:var(--info)}\n"
    ".report{margin-top:1rem;padding-top:.4rem}.report>:first-child{margin-top:.7em}\n"
    ".top{display:flex;flex-wrap:wrap;gap:.4rem .6rem;align-items:center;margin:0;"
    "font-size:.9rem}\n"
    ".severity{background:var(--tone);color:var(--on);font-weight:700;letter-spacing:.04em;"
    "padding:.15em .6em;border-radius:5px}\n"
    ".kind{font-weight:650}.end{color:var(--soft)}\n"
    ".where{margin:.2rem 0 0;color:var(--soft);display:flex;flex-wrap:wrap;gap:.3rem .5rem;"
    "align-items:center}.where b{color:var(--ink);font-weight:600}\n"
    ".label{border:1px solid var(--line);border-radius:99px;padding:0 .6em;font-size:.85rem;"
    "color:var(--ink)}\n"
    ".seen{margin:.6rem 0 0}\n"
    ".cause,.nothing{margin:1rem 0;padding:.8rem 1rem;border-radius:8px;background:var(--code)}\n"
    ".cause h2,.nothing h2{margin:0;font-size:.8rem;letter-spacing:.06em;text-transform:uppercase;"
    "color:var(--soft);font-weight:650}\n"
    ".cause p,.nothing p{margin:.35rem 0}.cause .what{font-size:1.1rem;line-height:1.45}\n"
    ".cause code,.nothing code{background:var(--paper)}.nothing pre{--under:var(--paper)}\n"
    ".sure{font-size:.925rem}.mark{font-weight:700}\n"
    ".partial{border-left:5px solid var(--warning);padding:.55rem .8rem;background:var(--code);"
    "border-radius:0 8px 8px 0}\n"
    "dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr));"
    "gap:.65rem 1.25rem;margin:1rem 0}\n"
    "dl div{min-width:0}dt{font-size:.8rem;color:var(--soft)}dd{margin:0}\n"
    "details{border-top:1px solid var(--line)}summary{cursor:pointer;padding:.65rem 0;"
    "font-weight:600}details[open]{padding-bottom:.6rem}details>:nth-child(2){margin-top:0}\n"
    ".count,.to,.note,.soft{color:var(--soft);font-weight:400}.to,.note{font-size:.9em}\n"
    ".image{color:var(--soft);font-style:italic}\n"
    ".anchor{color:var(--soft);text-decoration:none;font-weight:400;font-size:.8em;padding:0 "
    ".25em}\n"
    ".story{list-style:none;padding:0}.story li{display:grid;"
    "grid-template-columns:12.5rem minmax(0,1fr);gap:0 .9rem;padding:.25em 0}\n"
    ".story time{color:var(--soft);font-variant-numeric:tabular-nums}\n"
    "footer{color:var(--soft);font-size:.85rem;margin-top:1.25rem}\n"
    "@media (max-width:34rem){main{padding:.6rem .6rem 2rem}.card,.report{padding:.9rem .85rem}"
    "h1{font-size:1.3rem}.story li{grid-template-columns:1fr}"
    "dl{grid-template-columns:repeat(2,minmax(0,1fr))}blockquote{padding-left:.5em}"
    "ul,ol{padding-left:1.15em}}\n"
    "@media print{:root{--ground:#fff;--paper:#fff;--ink:#000;--soft:#444;--line:#bbb;--link:#000;"
    "--code:#f3f3f3;--shade:#0000;--on:#000;--critical:#b00f2e;--warning:#8a5200;--info:#0a57a8}"
    "body{font-size:10.5pt}main{max-width:none;padding:0}.card,.report{border:0;padding:0}"
    ".severity{background:none;border:2px solid var(--tone)}"
    ".anchor{display:none}pre,pre.plain{white-space:pre-wrap;overflow-wrap:anywhere;"
    "max-height:none}.wide{overflow:visible}h1,h2,h3{break-after:avoid}tr,li{break-inside:avoid}"
    "details::details-content{content-visibility:visible;display:block;block-size:auto}}\n";
static const char *const s_css [] = {s_text, s_card};

//  The digest of the style sheet, as the policy wants it.
static void
s_digest (buf_t *out)
{
    uint8_t bytes [DIGEST_BYTES];
    own (digest_destroy) digest_t *digest = digest_new ();
    if (!digest) {
        out->failed = out->failed ? out->failed : -ENOMEM;
        return;
    }
    for (size_t i = 0; i < sizeof s_css / sizeof s_css [0]; i++)
        digest_add (digest, s_css [i], strlen (s_css [i]));
    digest_finish (digest, bytes);
    base64_encode (out, bytes, sizeof bytes);
}

void
page_style (buf_t *out)
{
    buf_text (out, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                   "style-src 'sha256-");
    s_digest (out);
    buf_text (out, "'; img-src 'none'; base-uri 'none'; form-action 'none'\">\n<style>");
    for (size_t i = 0; i < sizeof s_css / sizeof s_css [0]; i++)
        buf_text (out, s_css [i]);
    buf_text (out, "</style>\n");
}
