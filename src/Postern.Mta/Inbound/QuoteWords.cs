namespace Postern.Mta.Inbound;

/// <summary>How mail programs set apart what they quote, in the languages that their readers meet.</summary>
static class QuoteWords
{
    /// <summary>Ends of a line that announces a quote.</summary>
    static readonly string[] AnnouncementEnds =
    [
        "wrote:", "wrote :", "님이 작성:", "님이 작성한 메시지:", " 작성:", "님이 작성했습니다:", "님이 작성하였습니다:",
        "님이 쓴 글:", "님이 쓰신 글:", "님이 보낸 메시지:", "schrieb:", "a écrit :", "a écrit:", "a écrit\u00a0:",
        "さんは書きました:", "さんが書きました:", "のメール:", "escribió:", "ha scritto:", "skrev:", "schreef:",
    ];

    /// <summary>Begins of one that may be broken into several lines.</summary>
    static readonly string[] AnnouncementBegins = ["On ", "Am ", "Le ", "El ", "Il ", "Op ", "Den "];

    /// <summary>Between dashes: all behind it is another message.</summary>
    static readonly HashSet<string> Separators = new(StringComparer.OrdinalIgnoreCase)
    {
        "Original Message", "Original Appointment", "Forwarded message", "Reply message",
        "원본 메시지", "원본메시지", "원본 메일", "원본메일", "전달된 메시지", "전달된 메일", "받은 메시지", "원문",
        "元のメッセージ", "元のメール", "転送メッセージ", "転送されたメッセージ", "オリジナルメッセージ",
        "Originalnachricht", "Original-Nachricht", "Ursprüngliche Nachricht", "Ursprüngliche Mail",
        "Weitergeleitete Nachricht", "Message d'origine", "Message original", "Message transféré",
        "Message initial", "Mensaje original", "Messaggio originale",
    };

    /// <summary>Lines of their own that say the same.</summary>
    static readonly HashSet<string> SeparatorLines = new(StringComparer.OrdinalIgnoreCase)
    {
        "Begin forwarded message:", "Anfang der weitergeleiteten Nachricht:",
        "Début du message réexpédié :", "전달된 메시지 시작:", "転送されたメッセージ:",
    };

    static readonly string[] AuthorFields =
        ["From", "보낸사람", "보낸 사람", "보낸이", "발신자", "발신", "差出人", "送信者", "Von", "De"];

    static readonly HashSet<string> OtherFields = new(StringComparer.OrdinalIgnoreCase)
    {
        "Sent", "Date", "To", "Cc", "Subject",
        "보낸날짜", "보낸 날짜", "보낸시간", "보낸 시간", "날짜", "일시", "받는사람", "받는 사람", "받은사람",
        "수신자", "수신", "참조", "제목",
        "送信日時", "日付", "日時", "宛先", "件名", "Gesendet", "Datum", "An", "Betreff",
        "Envoyé", "Envoyé le", "Date", "À", "A", "Objet", "Enviado", "Para", "Asunto",
    };

    static readonly string[] TelephoneBegins =
    [
        "Sent from my ", "Sent from Outlook", "Sent from Mail for ", "Sent from Yahoo", "Get Outlook for ",
        "Sent via the Samsung", "Von meinem ", "Gesendet von ", "Envoyé de mon ", "Envoyé depuis ",
        "Télécharger Outlook pour ", "Outlook für ",
    ];

    static readonly string[] TelephoneEnds =
    [
        "iPhone에서 보냄", "iPad에서 보냄", "Galaxy에서 보냄", "스마트폰에서 보냄", "휴대폰에서 보냄",
        "에서 보낸 메일입니다.", "에서 보냈습니다.", "iPhoneから送信", "iPadから送信", "スマートフォンから送信",
        "iPhone gesendet", "iPad gesendet",
    ];

    public static bool IsSeparator(string line)
    {
        var words = line.AsSpan().Trim();
        if (words.Length is < 3 or > 80)
            return false;
        if (words[0] is not ('-' or '_' or '=') || words[^1] != words[0])
            return SeparatorLines.Contains(words.ToString());
        return Separators.Contains(words.Trim(" -_=").ToString());
    }

    public static bool EndsAnnouncement(string line)
    {
        foreach (var end in AnnouncementEnds)
        {
            if (line.EndsWith(end, StringComparison.Ordinal))
                return true;
        }
        // "Max <max@x.example> schrieb am Mo. 5. Jan. 2026 um 10:00:", "2026年1月5日(月) 9:00 山田 <a@b>:"
        return line.EndsWith(':') && (line.Contains(" schrieb ", StringComparison.Ordinal)
            || (line.EndsWith(">:", StringComparison.Ordinal) && BeginsWithDay(line)));
    }

    public static bool BeginsAnnouncement(string line)
    {
        foreach (var begin in AnnouncementBegins)
        {
            if (line.StartsWith(begin, StringComparison.Ordinal))
                return true;
        }
        return BeginsWithDay(line);
    }

    /// <summary>The line has the name of a field of an author, in whatever letters.</summary>
    public static bool IsAuthorField(string line) =>
        NameOf(line) is { } name && AuthorFields.Contains(name, StringComparer.OrdinalIgnoreCase);

    public static bool IsOtherField(string line) => NameOf(line) is { } name && OtherFields.Contains(name);

    public static bool IsTelephone(string line)
    {
        foreach (var begin in TelephoneBegins)
        {
            // A sentence that begins so goes on.
            if (line.StartsWith(begin, StringComparison.OrdinalIgnoreCase) && !line.EndsWith(':')
                && (begin != "Von meinem " || line.EndsWith("gesendet", StringComparison.Ordinal)))
                return true;
        }
        foreach (var end in TelephoneEnds)
        {
            if (line.EndsWith(end, StringComparison.OrdinalIgnoreCase))
                return true;
        }
        return false;
    }

    /// <summary>A year, in the order of East Asia.</summary>
    static bool BeginsWithDay(string line) => line.Length > 5 && char.IsAsciiDigit(line[0])
        && char.IsAsciiDigit(line[3]) && (line[4] is '년' or '年' or '-' or '.' or '/');

    /// <summary>What stands before a colon, without the marks of bold letters. Null: nothing short.</summary>
    static string? NameOf(string line)
    {
        var colon = line.AsSpan().IndexOfAny(':', '：');
        return colon is > 0 and <= 20 ? line[..colon].Trim(' ', '\t', '*', '\u00a0') : null;
    }
}
