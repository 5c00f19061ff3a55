namespace Postern.Mta.Inbound;

/// <summary>What someone wrote, without what he quotes and his signature, as far as lines tell.</summary>
/// <param name="Text">What is left, without empty lines around it.</param>
/// <param name="Signature">What stood behind <c>-- </c>, and lines by which a telephone signs. Empty:
/// nothing.</param>
public readonly record struct QuotedText(string Text, string Signature)
{
    /// <summary>A line that announces a quote may be broken into so many.</summary>
    const int AnnouncementLinesMax = 3;

    const int AnnouncementCharactersMax = 400;
    const int SignatureCharactersMax = 60;

    /// <summary>Fields of a message that Outlook puts above it.</summary>
    const int HeaderLinesMax = 6;

    public static QuotedText Of(string body)
    {
        var lines = body.ReplaceLineEndings("\n").Split('\n');
        var text = new List<string>();
        var signature = new List<string>();
        var to = text;
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i];
            if (QuoteWords.IsSeparator(line))
                break;
            if (StandsHeaderAt(lines, i))
            {
                DropRule(to);
                break;
            }
            // Many programs lose the space of the mark.
            if (line is "-- " or "--")
                to = signature;
            else if (IsTelephone(line))
                signature.Add(line.Trim());
            else if (AnnouncementAt(lines, i) is { Lines: > 0 } announcement)
            {
                if (announcement.EndsTheText)
                    break;
                i += announcement.Lines - 1;
            }
            else if (!line.StartsWith('>'))
                to.Add(line);
        }
        return new QuotedText(Joined(text), Joined(signature));
    }

    /// <param name="Lines">How many announce the quote that follows them. 0: none does.</param>
    /// <param name="EndsTheText">No marks tell what is quoted: all that follows is.</param>
    readonly record struct Announcement(int Lines, bool EndsTheText);

    static Announcement AnnouncementAt(string[] lines, int at)
    {
        var all = "";
        // Only such a one may be broken: what stands before a short one is its writer's.
        var linesMax = QuoteWords.BeginsAnnouncement(lines[at]) ? AnnouncementLinesMax : 1;
        for (var i = at; i < lines.Length && i < at + linesMax; i++)
        {
            if (lines[i].Length is 0 or > AnnouncementCharactersMax)
                return default;
            all = $"{all} {lines[i].Trim()}".Trim();
            if (all.Length is 0 or > AnnouncementCharactersMax)
                return default;
            if (!QuoteWords.EndsAnnouncement(all))
                continue;
            var count = i + 1 - at;
            if (StandsBeforeQuote(lines, i + 1))
                return new Announcement(count, EndsTheText: false);
            return IsDated(all) ? new Announcement(count, EndsTheText: true) : default;
        }
        return default;
    }

    /// <summary>It names day and hour, as programs do and people seldom.</summary>
    static bool IsDated(string announcement)
    {
        for (var i = 1; i + 2 < announcement.Length; i++)
        {
            if (announcement[i] == ':' && char.IsAsciiDigit(announcement[i - 1])
                && char.IsAsciiDigit(announcement[i + 1]) && char.IsAsciiDigit(announcement[i + 2]))
                return QuoteWords.BeginsAnnouncement(announcement)
                    || announcement.Contains('@', StringComparison.Ordinal);
        }
        return false;
    }

    static bool StandsBeforeQuote(string[] lines, int at)
    {
        while (at < lines.Length && string.IsNullOrWhiteSpace(lines[at]))
            at++;
        return at < lines.Length && lines[at].StartsWith('>');
    }

    /// <summary>From, and two more fields close behind it: the header of another message.</summary>
    static bool StandsHeaderAt(string[] lines, int at)
    {
        if (!QuoteWords.IsAuthorField(lines[at]))
            return false;
        var others = 0;
        for (var i = at + 1; i < lines.Length && i <= at + HeaderLinesMax; i++)
        {
            if (QuoteWords.IsOtherField(lines[i]))
                others++;
        }
        return others >= 2;
    }

    /// <summary>The rule that Outlook draws above such a header.</summary>
    static void DropRule(List<string> lines)
    {
        while (lines.Count > 0 && lines[^1].Trim() is var last
            && (last.Length == 0 || (last.Length >= 5 && last.All(static c => c is '_' or '-' or '='))))
            lines.RemoveAt(lines.Count - 1);
    }

    static bool IsTelephone(string line) =>
        line.Length is > 0 and <= SignatureCharactersMax && QuoteWords.IsTelephone(line.Trim());

    static string Joined(List<string> lines) => string.Join("\r\n", lines).Trim('\r', '\n', ' ', '\t');
}
