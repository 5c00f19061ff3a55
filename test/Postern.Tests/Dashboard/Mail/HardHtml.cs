using System.Text.Json;

namespace Postern.Tests.Dashboard.Mail;

/// <summary>HTML that wants to run, to load or to lead away, one trick or a few in each.</summary>
static class HardHtml
{
    /// <summary>Fixtures of DOMPurify, in whatever files of JSON they come; beside the repository.</summary>
    public const string Suite = "../shared/data/xss-dompurify";

    /// <summary>Attributes that run what stands in them, whatever they are on.</summary>
    static readonly string[] Handlers = (
        "abort afterprint animationend animationstart animationiteration auxclick beforecopy beforecut "
        + "beforeinput beforematch beforepaste beforeprint beforetoggle beforeunload begin blur "
        + "bounce cancel "
        + "canplay canplaythrough change click close contentvisibilityautostatechange contextmenu copy "
        + "cuechange cut dblclick drag dragend dragenter dragleave dragover dragstart drop "
        + "durationchange end "
        + "ended error finish focus focusin focusout formdata fullscreenchange gotpointercapture hashchange "
        + "input invalid keydown keypress keyup load loadeddata loadedmetadata loadend loadstart "
        + "lostpointercapture message mousedown mouseenter mouseleave mousemove mouseout mouseover mouseup "
        + "mousewheel offline online pagehide pageshow paste pause play playing pointercancel pointerdown "
        + "pointerenter pointerleave pointermove pointerout pointerover pointerrawupdate pointerup popstate "
        + "progress ratechange readystatechange repeat reset resize scroll scrollend search seeked seeking "
        + "select selectionchange selectstart show slotchange stalled start submit suspend timeupdate toggle "
        + "touchcancel touchend touchmove touchstart transitionend transitionrun transitionstart unload "
        + "unhandledrejection volumechange waiting webkitanimationend webkittransitionend wheel")
        .Split(' ');

    static readonly string[] Tricks =
    [
        "<script>alert(1)</script>",
        "<svg><script>alert(1)</script></svg>",
        "<img src=x onerror=alert(1)>",
        "<b onclick=alert(1) style='color:red'>x</b>",
        "<a href='javascript:alert(1)'>x</a><a href=' java&#10;script:alert(1)'>y</a>",
        "<a href='\u0001javascript:alert(1)'>x</a><a href='vbscript:x'>y</a><a href='data:,x'>z</a>",
        "<iframe src=http://t.test></iframe><iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<object data=x></object><embed src=x><applet code=x></applet><portal src=x>",
        "<form action=http://t.test><input name=a autofocus onfocus=alert(1)><button>x</form>",
        "<meta http-equiv=refresh content='0;url=http://t.test'><base href=http://t.test>",
        "<link rel=stylesheet href=http://t.test><link rel=dns-prefetch href=//t.test>",
        "<img src=http://t.test/p><img srcset='http://t.test/p 1x'><input type=image src=//t.test>",
        "<video poster=http://t.test/p src=x><source src=x></video><audio src=x autoplay>",
        "<table background=http://t.test/p><td background=http://t.test/p>x</table>",
        "<body background=http://t.test/p onload=alert(1) style='background:url(//t.test)'>x",
        "<style>@import 'http://t.test/x';p{background:url(//t.test/p)}</style><p>x",
        "<style><!--</style><script>alert(1)</script>--></style>",
        "<div style='position:fixed;inset:0;z-index:9999;width:100vw;height:100vh'>x</div>",
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=x'>",
        "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
        "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
        "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
        "<textarea><p title=\"</textarea><img src=x onerror=alert(1)>\">",
        "<xmp><p title=\"</xmp><img src=x onerror=alert(1)>\"></xmp>",
        "<title><p title=\"</title><img src=x onerror=alert(1)>\"></title>",
        "<template><s><template><s><img src=x onerror=alert(1)></template></template>",
        "<select><iframe></select><b><script>alert(1)</script>",
        "<listing>&lt;img onerror=\"alert(1)\" src=x&gt;</listing>",
        "<img src=data:image/svg+xml;base64,PHN2Zy8+><img src='data:text/html,x'>",
        "<img src='data:image/png;base64,\"onerror=alert(1)'>",
        "<p data-postern-style='background:url(//t.test)'>x</p>",
        "<a ping=http://t.test href=http://x.test attributionsrc=//t.test>x</a>",
        "<p style=\"color:red\" STYLE='background:url(//t.test)'>x<o:p>y</o:p>",
        "<plaintext><script>alert(1)</script>",
        "<details open ontoggle=alert(1)><summary>x</summary></details><marquee onstart=alert(1)>x",
        "<x><svg:a xlink:href='javascript:alert(1)'><image xlink:href=//t.test /></x>",
        "<frameset onload=alert(1)><frame src=javascript:alert(1)></frameset>",
        "<? foo=\"><script>alert(1)</script>\"><! foo=\"><script>alert(1)</script>\">",
        "<a title=\"`><img src=x onerror=x>\">x</a></foo title=\"><script>alert(1)</script>\">",
        "<svg onload=alert(1)><animate onbegin=alert(1) attributeName=x dur=1s></svg>",
        "<svg><a><animate attributeName=href values=javascript:alert(1) /><text y=20>x</text></a></svg>",
        "<svg><foreignObject><iframe srcdoc='<script>alert(1)</script>'></iframe></foreignObject></svg>",
        "<svg><use href='data:image/svg+xml,<svg id=x><script>alert(1)</script></svg>#x'></svg>",
        "<svg><style><img src=x onerror=alert(1)></style></svg><svg><title><img src=x"
            + " onerror=alert(1)></title></svg>",
        "<math><annotation-xml encoding=text/html><img src=x onerror=alert(1)></annotation-xml></math>",
        "<math href=javascript:alert(1)><mi xlink:href=javascript:alert(1)>x</mi></math>",
        "<math><mi><style><img src=x onerror=alert(1)></style></mi><malignmark><img src=x"
            + " onerror=alert(1)></math>",
        "<form id=x><input name=attributes><input name=parentNode></form><img name=cookie src=x>",
        "<form action=javascript:alert(1)><input type=submit autofocus><isindex"
            + " action=javascript:alert(1)></form>",
        "<a id=location href=javascript:alert(1)></a><a href=\"java\u0000script:alert(1)\">x</a>",
        "<img src=\"x\" id='\"><script>alert(1)</script>'><img src='x`onerror=alert(1)//'>",
        "<img/src=x/onerror=alert(1)><img\nsrc=x\nonerror=alert(1)><img\u000csrc=x\u000conerror=alert(1)>",
        "<a href='&#x6A;avascript:alert(1)'>x</a><a href='&#106avascript&colon;alert(1)'>y</a>",
        "<a href='\u2028javascript:alert(1)'>x</a><a href='\u00a0javascript:alert(1)'>y</a>",
        "<!--[if gte IE 4]><script>alert(1)</script><![endif]--><!--><script>alert(1)</script>-->",
        "<!-- --!><img src=x onerror=alert(1)> --><![CDATA[<script>alert(1)</script>]]>",
        "<svg><![CDATA[</svg><script>alert(1)</script>]]></svg><?xml-stylesheet href='javascript:alert(1)'?>",
        "<style>p{background:u\\72l(//t.test)}p{behavior:url(x.htc);-moz-binding:url(//t.test#x)}"
            + "</style><p>x",
        "<style>@font-face{font-family:x;src:url(//t.test/f)}*{font-family:x}</style>x<style>@charset 'x';",
        "<p style='background-image:image-set(\"//t.test/p\" 1x);list-style:url(//t.test)"
            + ";cursor:url(//t.test),auto'>x",
        "<p style='width:expression(alert(1));content:url(//t.test);filter:url(//t.test#f)"
            + ";mask:url(//t.test)'>x",
        "<div style='background:url(&quot;javascript:alert(1)&quot;)'>x<div"
            + " style='--x:url(//t.test);background:var(--x)'>",
        "<noembed><img src=x onerror=alert(1)></noembed><noframes><p title='</noframes><img src=x"
            + " onerror=alert(1)>'>",
        "<iframe><p title='</iframe><img src=x onerror=alert(1)>'></iframe><iframe"
            + " sandbox=allow-scripts src=//t.test>",
        "<option><style></option></select><b><img src=x onerror=alert(1)></style></option>",
        "<table><td><tr><caption><svg><style><a title='</style><img src=x onerror=alert(1)>'>x",
        "<template shadowrootmode=open><img src=x onerror=alert(1)><slot onslotchange=alert(1)>"
            + "</slot></template>",
        "<object type=text/html data='data:text/html,<script>alert(1)</script>'><param name=src"
            + " value=//t.test></object>",
        "<embed type=image/svg+xml src='data:image/svg+xml,<svg onload=alert(1)>'><object"
            + " data=javascript:alert(1)>",
        "<script src=data:,alert(1)></script><script type=module>import 'http://t.test/x'</script>",
        "<script type=importmap>{}</script><script"
            + " type=speculationrules>{\"prefetch\":[{\"urls\":[\"//t.test\"]}]}</script>",
        "<link rel=preload as=image href=//t.test/p><link rel=icon href=//t.test/i><link"
            + " rel=modulepreload href=//t.test>",
        "<link rel=preconnect href=//t.test><link rel=prerender href=//t.test><link rel=manifest"
            + " href=//t.test>",
        "<meta http-equiv=set-cookie content=a=b><meta http-equiv=content-security-policy"
            + " content=\"script-src *\">",
        "<meta name=referrer content=unsafe-url><meta http-equiv=Link content='<//t.test>; rel=preload'>",
        "<base target=_top><a target=_top href=http://t.test>x</a><area shape=rect href=javascript:alert(1)>",
        "<picture><source srcset=//t.test/p><img src=//t.test/q loading=eager fetchpriority=high></picture>",
        "<input type=image src=//t.test/p formaction=javascript:alert(1)><button"
            + " formaction=javascript:alert(1)>x",
        "<video><track src=//t.test default></video><audio><source src=//t.test onerror=alert(1)></audio>",
        "<keygen autofocus onfocus=alert(1)><details open ontoggle=alert(1)><dialog open onclose=alert(1)>",
        "<b popover onbeforetoggle=alert(1) id=p>x</b><button popovertarget=p>y</button>",
        "<body onpageshow=alert(1) onhashchange=alert(1)><body bgcolor=red onfocus=alert(1)>",
        "<x contenteditable autofocus onfocus=alert(1)>x</x><custom-element onclick=alert(1)"
            + " is=x>y</custom-element>",
        "<p lang=\"'><script>alert(1)</script>\" dir=\"<img src=x onerror=alert(1)>\">x</p><img"
            + " alt=\"--><script>\">",
        "+ADw-script+AD4-alert(1)+ADw-/script+AD4-<meta charset=utf-7>\u001b$B<script>alert(1)</script>",
        "<title></title><script>alert(1)</script><textarea></textarea><img src=x onerror=alert(1)></title>",
    ];

    public static IEnumerable<string> Attacks => Tricks.Concat(Handlers.Select(
        name => $"<p id=x tabindex=1 autofocus style='animation:x 1s' on{name}=alert(1)>x</p>"
            + $"<img src=x on{name}=alert(1)><body on{name}=alert(1)>"));

    /// <summary>The payloads of the files of a folder.</summary>
    public static IReadOnlyList<string> OfTheSuite(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(path => Path.GetExtension(path) is ".json" or ".js" or ".mjs")
            .SelectMany(path => PayloadsOf(File.ReadAllText(path)))];

    static List<string> PayloadsOf(string text)
    {
        var options = new JsonDocumentOptions
        {
            AllowTrailingCommas = true,
            CommentHandling = JsonCommentHandling.Skip,
        };
        var found = new List<string>();
        var start = text.IndexOf('[', StringComparison.Ordinal);
        using var rows = JsonDocument.Parse(text[start..(text.LastIndexOf(']') + 1)], options);
        foreach (var row in rows.RootElement.EnumerateArray())
            found.Add(row.GetProperty("payload").GetString()!);
        return found;
    }
}
