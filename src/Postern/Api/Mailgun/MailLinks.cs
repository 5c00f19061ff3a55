using System.Diagnostics.CodeAnalysis;
using System.Text;
using Postern.Mta.Accounts;
using Postern.Mta.Queue;
using Postern.Mta.Tracking;

namespace Postern.Api.Mailgun;

/// <summary>Our own links in one message to one recipient: put into its texts before it is taken, since
/// content never changes afterwards.</summary>
/// <param name="root">What the links begin with, without a slash at its end.</param>
/// <param name="message">The id that it is going to have.</param>
/// <param name="subscriber">Who unsubscribes by it. Null: members of a mailing list share the copy, so no
/// link of it can speak for its reader.</param>
sealed class MailLinks(
    MailTracking tracking, TrackingTokens tokens, string root, QueueId message, DateTimeOffset now,
    Subscriber? subscriber)
{
    /// <summary>Of a message that has one recipient.</summary>
    const int RecipientNumber = 1;

    const string UnsubscribeMark = "%unsubscribe_url%";
    const string UnsubscribeTagsMark = "%tag_unsubscribe_url%";

    bool isUnsubscribeUsed;

    /// <summary>Leads to the page that unsubscribes from all mail of the domain. Null: nobody does.</summary>
    public string? Unsubscribe { get; } = subscriber is null ? null
        : $"{root}/u/{tokens.Make(new TrackingToken(
            TrackingKind.Unsubscribe, message, RecipientNumber, now, subscriber.Value.ToString()))}";

    /// <summary>The message is to say in its header how to unsubscribe. Asked once its texts are made.
    /// </summary>
    [MemberNotNullWhen(true, nameof(Unsubscribe))]
    public bool HasUnsubscribe => Unsubscribe is not null && (isUnsubscribeUsed || HasFooter);

    bool HasFooter => Unsubscribe is not null && tracking.Unsubscribe.IsActive;

    /// <summary>The one link of a List-Unsubscribe field that a POST may go to is ours.</summary>
    // RFC 8058 §3.1: it must be https.
    public bool IsOneClick(string? field) => field is not null
        && root.StartsWith("https://", StringComparison.OrdinalIgnoreCase)
        && field.Split(',').Select(link => link.Trim())
            .Where(link => link.StartsWith("<http", StringComparison.OrdinalIgnoreCase)).ToArray()
            is [var only] && only.StartsWith($"<{root}/u/", StringComparison.Ordinal);

    /// <summary>The text asks for a link of the recipient's own.</summary>
    public static bool IsIn(string? text) => text is not null
        && (text.Contains(UnsubscribeMark, StringComparison.Ordinal)
            || text.Contains(UnsubscribeTagsMark, StringComparison.Ordinal));

    /// <summary>The text with links in the place of their placeholders.</summary>
    public string Fill(string text)
    {
        if (Unsubscribe is null || !IsIn(text))
            return text;
        isUnsubscribeUsed |= text.Contains(UnsubscribeMark, StringComparison.Ordinal);
        return text.Replace(UnsubscribeMark, Unsubscribe, StringComparison.Ordinal)
            .Replace(UnsubscribeTagsMark, UnsubscribeTags, StringComparison.Ordinal);
    }

    /// <summary>The text part.</summary>
    public string InText(string text)
    {
        if (HasFooter && !IsIn(text))
            text += tracking.Unsubscribe.TextFooter;
        text = Fill(text);
        return tracking.Clicks == ClickTracking.On ? TextLinks.Rewrite(text, LeadTo) : text;
    }

    /// <summary>The HTML part. But for what is put into it, it stays octet for octet.</summary>
    public string InHtml(string html)
    {
        if (HasFooter && !IsIn(html) && HtmlScan.Of(html).End is { } foot)
            html = html.Insert(foot, tracking.Unsubscribe.HtmlFooter);
        html = Fill(html);
        if (tracking.Clicks == ClickTracking.Off && tracking.Pixel == PixelPlace.None)
            return html;
        var scan = HtmlScan.Of(html);
        var edits = tracking.Clicks == ClickTracking.Off ? []
            : scan.Links.Select(link => (link.Start, link.Length, With: LeadTo(link.Url)))
                .Where(edit => edit.With is not null).ToList();
        var top = tracking.Pixel == PixelPlace.Top ? scan.BodyBegin : null;
        if (tracking.Pixel != PixelPlace.None && (top ?? scan.End) is { } place)
            edits.Add((place, 0, Pixel));
        return Edited(html, edits);
    }

    /// <summary>Null: it stays as it is, since it is one of ours.</summary>
    string? LeadTo(string url) => url.StartsWith(root + "/", StringComparison.OrdinalIgnoreCase) ? null
        : LinkOf(TrackingKind.Click, url);

    string UnsubscribeTags =>
        LinkOf(TrackingKind.UnsubscribeTags, subscriber!.Value.ToString());

    string Pixel => $"<img width=\"1\" height=\"1\" alt=\"\" src=\"{LinkOf(TrackingKind.Open, "")}\">";

    string LinkOf(TrackingKind kind, string text)
    {
        var path = kind switch
        {
            TrackingKind.Click => 'c',
            TrackingKind.Open => 'o',
            _ => 'u',
        };
        return $"{root}/{path}/{tokens.Make(
            new TrackingToken(kind, message, RecipientNumber, now, text))}";
    }

    static string Edited(string html, IEnumerable<(int Start, int Length, string? With)> edits)
    {
        var made = new StringBuilder(html.Length + 1024);
        var done = 0;
        foreach (var (start, length, with) in edits.OrderBy(edit => edit.Start))
        {
            made.Append(html, done, start - done).Append(with);
            done = start + length;
        }
        return made.Append(html, done, html.Length - done).ToString();
    }
}
