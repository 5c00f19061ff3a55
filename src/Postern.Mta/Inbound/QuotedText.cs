namespace Postern.Mta.Inbound;

/// <summary>What someone wrote, without what he quotes and his signature, as far as lines tell.</summary>
/// <param name="Text">What is left, without empty lines around it.</param>
/// <param name="Signature">What stood behind <c>-- </c>. Empty: nothing.</param>
public readonly record struct QuotedText(string Text, string Signature)
{
    /// <summary>A line that announces a quote may be broken into so many.</summary>
    const int AnnouncementLinesMax = 3;

    const int AnnouncementCharactersMax = 400;

    /// <summary>Ends of a line that announces a quote: of most programs, and of Korean Gmail.</summary>
    static readonly string[] Announcements = ["wrote:", "님이 작성:", "님이 작성한 메시지:"];

    /// <summary>All behind such a line is another message.</summary>
    static readonly string[] Forwards =
    [
        "-----Original Message-----", "---------- Forwarded message ----------",
        "---------- Forwarded message ---------", "-----원본 메시지-----", "-----Original Appointment-----",
    ];

    public static QuotedText Of(string body)
    {
        var lines = body.ReplaceLineEndings("\n").Split('\n');
        var text = new List<string>();
        var signature = new List<string>();
        var to = text;
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i];
            if (Forwards.Contains(line.Trim(), StringComparer.OrdinalIgnoreCase))
                break;
            // Many programs lose the space of the mark.
            if (line is "-- " or "--")
                to = signature;
            else if (AnnouncementAt(lines, i) is > 0 and var length)
                i += length - 1;
            else if (!line.StartsWith('>'))
                to.Add(line);
        }
        return new QuotedText(Joined(text), Joined(signature));
    }

    /// <summary>How many lines announce the quote that follows them. 0: none does.</summary>
    static int AnnouncementAt(string[] lines, int at)
    {
        var all = "";
        // Only such a one may be broken: what stands before a short one is its writer's.
        var linesMax = IsLong(lines[at]) ? AnnouncementLinesMax : 1;
        for (var i = at; i < lines.Length && i < at + linesMax; i++)
        {
            all = $"{all} {lines[i].Trim()}".Trim();
            if (all.Length is 0 or > AnnouncementCharactersMax || lines[i].Length == 0)
                return 0;
            if (Announcements.Any(end => all.EndsWith(end, StringComparison.Ordinal)))
                return StandsBeforeQuote(lines, i + 1) ? i + 1 - at : 0;
        }
        return 0;
    }

    /// <summary>It begins as announcements do.</summary>
    static bool IsLong(string line) => line.StartsWith("On ", StringComparison.Ordinal)
        || (line.Length > 4 && line[4] == '년' && char.IsAsciiDigit(line[3]));

    static bool StandsBeforeQuote(string[] lines, int at)
    {
        while (at < lines.Length && string.IsNullOrWhiteSpace(lines[at]))
            at++;
        return at < lines.Length && lines[at].StartsWith('>');
    }

    static string Joined(List<string> lines) => string.Join("\r\n", lines).Trim('\r', '\n');
}
