using Postern.Mta.Transports.Mailgun;

namespace Postern.Mta.Transports;

/// <summary>Calls over HTTP that one attempt made, kept as they are; words are made of them when somebody
/// wants them.</summary>
sealed class CallTalk(TimeProvider clock)
{
    readonly long startedAt = clock.GetTimestamp();
    readonly List<Call> calls = [];

    /// <summary>Recipients of the next call, by their places in the attempt.</summary>
    public IReadOnlyList<int> Recipients { get; set; } = [];

    public void Answered(HttpMethod method, Uri address, MailgunAnswer answer) =>
        calls.Add(new Call(Recipients, method, address, answer, null, clock.GetTimestamp()));

    /// <summary>No answer came, for this reason.</summary>
    public void Broke(HttpMethod method, Uri address, string reason) =>
        calls.Add(new Call(Recipients, method, address, null, reason, clock.GetTimestamp()));

    /// <summary>What was said for one recipient. Null: no call was made for it.</summary>
    public Conversation? Describe(int recipient)
    {
        var turns = new List<ConversationTurn>();
        foreach (var call in calls.Where(call => call.Recipients.Contains(recipient)))
        {
            turns.Add(new ConversationTurn(
                $"{call.Method} {UrlOf(call.Address)}", call.Answer?.ToTalk() ?? $"({call.Broken})",
                Conversation.ToMs(clock.GetElapsedTime(startedAt, call.At))));
            if (Conversation.OthersOf(call.Recipients.Count) is { } others)
                turns.Add(others);
        }
        return turns.Count == 0 ? null : Conversation.Of(turns);
    }

    /// <summary>What stands behind a question mark may be a secret.</summary>
    static string UrlOf(Uri address) =>
        address.GetLeftPart(UriPartial.Path) + (address.Query.Length > 0 ? "?..." : "");

    readonly record struct Call(
        IReadOnlyList<int> Recipients, HttpMethod Method, Uri Address, MailgunAnswer? Answer, string? Broken,
        long At);
}
