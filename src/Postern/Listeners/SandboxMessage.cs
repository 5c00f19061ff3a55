using System.Text;
using Postern.Mta.Inbound;
using Postern.Mta.Queue;

namespace Postern.Listeners;

/// <summary>A mail that the provider of the sandbox was given.</summary>
/// <param name="Number">From 1, in the order they came.</param>
/// <param name="Sender">Empty: it has none.</param>
/// <param name="Octets">As they came.</param>
/// <param name="From">The field, decoded; empty: there is none.</param>
/// <param name="Queued">What it was in our own queue. Null: it did not come from there.</param>
sealed record SandboxMessage(
    int Number, DateTimeOffset At, string Sender, IReadOnlyList<string> Recipients,
    ReadOnlyMemory<byte> Octets, string From, string Subject, QueueId? Queued)
{
    /// <summary>Octets that readers of the API are given.</summary>
    const int TextOctetsMax = 1 << 20;

    public string Text => Encoding.UTF8.GetString(Octets.Span[..Math.Min(Octets.Length, TextOctetsMax)]);

    /// <param name="sender">As above.</param>
    public static SandboxMessage Of(
        DateTimeOffset at, string sender, IReadOnlyList<string> recipients, ReadOnlyMemory<byte> octets)
    {
        var fields = ParsedMail.FieldsOf(octets.Span);
        return new SandboxMessage(
            0, at, sender, recipients, octets, TextOf("From"), TextOf("Subject"), IdOf(TextOf("Received")));

        string TextOf(string name) => fields.FirstOrDefault(
            field => field.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value ?? "";
    }

    /// <summary>The first field is the one that we put in front.</summary>
    static QueueId? IdOf(string received)
    {
        const string mark = " id ";
        var place = received.Contains("(Postern)", StringComparison.Ordinal)
            ? received.IndexOf(mark, StringComparison.Ordinal) : -1;
        if (place < 0)
            return null;
        var words = received.AsSpan(place + mark.Length);
        var end = words.IndexOfAny(" ;\t");
        return QueueId.TryParse(end < 0 ? words : words[..end], out var id) ? id : null;
    }
}
