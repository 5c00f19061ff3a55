using System.Collections.Frozen;
using System.Text;
using System.Text.Unicode;

namespace Postern.Mta.Inbound;

/// <summary>Charset names as mail uses them, for MimeKit and everyone else who asks
/// <see cref="Encoding"/>.</summary>
/// <remarks>
/// WHATWG Encoding §4.2: <c>euc-kr</c> and its kin mean code page 949, of which the framework's 51949 is the
/// older half; likewise <c>gb2312</c> means GB 18030. The first provider that answers wins, so this one
/// stands before the framework's code pages: call <see cref="Register"/> before anything reads mail.
/// </remarks>
public sealed class MailCharsets : EncodingProvider
{
    const int Korean = 949;
    const int EucKorean = 51949;
    const int Johab = 1361;
    const int Western = 1252;

    static readonly Lazy<MailCharsets> Registered = new(static () =>
    {
        var provider = new MailCharsets();
        Encoding.RegisterProvider(provider);
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        return provider;
    });

    /// <summary>By code page: the labels of the WHATWG standard, and those of mail beside them.</summary>
    static readonly FrozenDictionary<string, int> Pages = new (int Page, string Labels)[]
    {
        (Korean, "euc-kr euckr cseuckr cseuc-kr korean iso-ir-149 ks_c_5601-1987 ks_c_5601-1989 ks_c_5601 "
            + "ksc_5601 ksc5601 ksc-5601 ks-c5601 ksc5601-1987 csksc56011987 cp949 ms949 uhc windows-949 "
            + "x-windows-949 x-cp949"),
        (50225, "iso-2022-kr csiso2022kr"),
        (Johab, "johab x-johab cp1361 ms1361 ksc5601-1992 ks_c_5601-1992"),
        (932, "shift_jis shift-jis sjis x-sjis ms_kanji csshiftjis windows-31j cp932 ms932 x-ms-cp932"),
        (51932, "euc-jp x-euc-jp eucjp cseucpkdfmtjapanese"),
        (50220, "iso-2022-jp csiso2022jp"),
        (54936, "gb18030 gbk gb2312 gb_2312 gb_2312-80 csgb2312 csiso58gb231280 chinese iso-ir-58 x-gbk "
            + "cp936 ms936 windows-936 euc-cn euccn"),
        (52936, "hz-gb-2312 hz"),
        (950, "big5 big5-hkscs cn-big5 csbig5 x-x-big5 cp950 ms950 windows-950"),
        (866, "ibm866 866 cp866 csibm866"),
        (20866, "koi8-r koi koi8 koi8_r cskoi8r"),
        (21866, "koi8-u koi8-ru"),
        (874, "windows-874 dos-874 iso-8859-11 iso8859-11 iso885911 tis-620"),
        (1250, "windows-1250 cp1250 x-cp1250"),
        (1251, "windows-1251 cp1251 x-cp1251"),
        (Western, "windows-1252 cp1252 x-cp1252 iso-8859-1 iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 "
            + "iso-ir-100 latin1 l1 csisolatin1 cp819 ibm819 us-ascii ascii ansi_x3.4-1968"),
        (1253, "windows-1253 cp1253 x-cp1253"),
        (1254, "windows-1254 cp1254 x-cp1254 iso-8859-9 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 "
            + "iso-ir-148 latin5 l5 csisolatin5"),
        (1255, "windows-1255 cp1255 x-cp1255"),
        (1256, "windows-1256 cp1256 x-cp1256"),
        (1257, "windows-1257 cp1257 x-cp1257"),
        (1258, "windows-1258 cp1258 x-cp1258"),
        (28592, "iso-8859-2 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 iso-ir-101 latin2 l2 csisolatin2"),
        (28593, "iso-8859-3 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 iso-ir-109 latin3 l3 csisolatin3"),
        (28594, "iso-8859-4 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 iso-ir-110 latin4 l4 csisolatin4"),
        (28595, "iso-8859-5 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988 iso-ir-144 cyrillic "
            + "csisolatincyrillic"),
        (28596, "iso-8859-6 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987 iso-8859-6-e iso-8859-6-i "
            + "iso-ir-127 arabic asmo-708 ecma-114 csisolatinarabic"),
        (28597, "iso-8859-7 iso8859-7 iso88597 iso_8859-7 iso_8859-7:1987 iso-ir-126 greek greek8 ecma-118 "
            + "elot_928 sun_eu_greek csisolatingreek"),
        (28598, "iso-8859-8 iso8859-8 iso88598 iso_8859-8 iso_8859-8:1988 iso-8859-8-e iso-ir-138 hebrew "
            + "visual csisolatinhebrew"),
        (38598, "iso-8859-8-i csiso88598i logical"),
        (28603, "iso-8859-13 iso8859-13 iso885913"),
        (28605, "iso-8859-15 iso8859-15 iso885915 iso_8859-15 latin9 l9 csisolatin9"),
        (10000, "macintosh mac x-mac-roman csmacintosh"),
        (10007, "x-mac-cyrillic x-mac-ukrainian"),
        (65001, "utf-8 utf8 utf_8 unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8"),
        (1200, "utf-16 utf-16le utf16 unicode csunicode ucs-2 iso-10646-ucs-2 unicodefeff"),
        (1201, "utf-16be unicodefffe"),
    }.SelectMany(static row => row.Labels.Split(' ').Select(label => KeyValuePair.Create(label, row.Page)))
        .ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    MailCharsets()
    {
    }

    /// <summary>Windows-949.</summary>
    internal static Encoding Hangul => OfPage(Korean);

    internal static Encoding Latin => OfPage(Western);

    /// <summary>Null: nobody knows the name, or the framework refuses it, as UTF-7.</summary>
    internal static Encoding? Find(string name)
    {
        Register();
        name = name.Trim(' ', '\t', '\'', '"');
        try
        {
            return Pages.TryGetValue(name, out var page) ? OfPage(page) : Encoding.GetEncoding(name);
        }
        catch (Exception refusal) when (refusal is ArgumentException or NotSupportedException)
        {
            // The only way the framework has to say so.
            return null;
        }
    }

    /// <summary>What octets without a true label are: UTF-8 if they are valid, Windows-949 if that loses
    /// nothing and holds a syllable, else Windows-1252, which takes any octets.</summary>
    internal static Encoding Guess(ReadOnlySpan<byte> octets)
    {
        if (Utf8.IsValid(octets))
            return Encoding.UTF8;
        var text = Hangul.GetString(octets);
        return text.Any(static c => c is >= '\uac00' and <= '\ud7a3') && !text.Any(IsLoss)
            ? Hangul : Latin;
    }

    /// <summary>Text of the octets, whose label may be false or absent.</summary>
    /// <param name="label">Null: none.</param>
    public static string Decode(ReadOnlySpan<byte> octets, string? label)
    {
        var named = label is { Length: > 0 } name ? Find(name) : null;
        // WHATWG Encoding §6: a byte order mark outranks the label.
        if (octets.StartsWith(Encoding.UTF8.Preamble))
            return Encoding.UTF8.GetString(octets[3..]);
        if (named is UnicodeEncoding && octets is [0xfe, 0xff, ..] or [0xff, 0xfe, ..])
            named = octets[0] == 0xfe ? Encoding.BigEndianUnicode : Encoding.Unicode;
        if (named is null || (IsWesternLabel(label) && octets.ContainsAnyInRange((byte)0x80, (byte)0xff)))
            named = Guess(octets);
        var text = named.GetString(octets);
        if (named.CodePage == Johab)
            text = string.Create(text.Length, text, static (to, from) =>
            {
                for (var i = 0; i < to.Length; i++)
                    to[i] = LetterOf(from[i]);
            });
        return text.StartsWith('\ufeff') ? text[1..] : text;
    }

    /// <summary>The framework gives letters that stand alone in Johab as parts of a syllable.</summary>
    static char LetterOf(char c) => c switch
    {
        >= '\u1100' and <= '\u1112' => "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"[c - '\u1100'],
        >= '\u1161' and <= '\u1175' => (char)(c - '\u1161' + 'ㅏ'),
        >= '\u11a8' and <= '\u11c2' => "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"[c - '\u11a8'],
        _ => c,
    };

    /// <summary>Makes the names known to the process; again does nothing.</summary>
    public static void Register() => _ = Registered.Value;

    public override Encoding? GetEncoding(int codepage) => codepage is EucKorean ? Hangul : null;

    // What the framework has built in stays its own: its Latin-1 and ASCII are not only read from mail.
    public override Encoding? GetEncoding(string name) =>
        Pages.TryGetValue(name, out var page) && page is not (Western or 1200 or 1201) ? OfPage(page) : null;

    /// <summary>Many programs that know nothing better say so.</summary>
    static bool IsWesternLabel(string? label) => label?.Contains("ascii", StringComparison.OrdinalIgnoreCase)
        == true || label?.StartsWith("ansi_x3.4", StringComparison.OrdinalIgnoreCase) == true;

    static bool IsLoss(char c) => c is '\ufffd' or >= '\u0080' and < '\u00a0' or >= '\ue000' and <= '\uf8ff';

    // The framework's own fallback is a question mark, which nobody can tell from a question.
    static Encoding OfPage(int page) => page switch
    {
        65001 => Encoding.UTF8,
        1200 => Encoding.Unicode,
        1201 => Encoding.BigEndianUnicode,
        _ => CodePagesEncodingProvider.Instance.GetEncoding(
            page, EncoderFallback.ReplacementFallback, DecoderFallback.ReplacementFallback)
            ?? Encoding.GetEncoding(page),
    };
}
