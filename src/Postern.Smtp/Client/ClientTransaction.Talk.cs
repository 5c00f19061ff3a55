using System.Text;

namespace Postern.Smtp.Client;

/// <summary>The transaction in words, for whoever asks when it has ended.</summary>
/// <remarks>Nothing is put aside for it but the time of each reply: the commands are written once
/// more.</remarks>
partial class ClientTransaction
{
    /// <summary>When it ended, by the connection's clock.</summary>
    public long EndedAt { get; set; }

    int ContentAt => way == ContentWay.Data ? dataAt + 1 : dataAt;

    /// <summary>The end of the content was sent, answered or not.</summary>
    bool EndWasSent => EndOfDataSent || answered > ContentAt;

    /// <inheritdoc cref="TransactionTalk.TurnsFor"/>
    public IReadOnlyList<ClientTurn> TurnsFor(int recipient)
    {
        var turns = new List<ClientTurn>();
        var rcptAt = mailAt + 1 + recipient;
        // What came in the place of a reply, at the command that it came for.
        var ending = EndingText();
        for (var at = 0; at < Math.Min(written, ContentAt); at++)
        {
            if (at > mailAt && at < dataAt && at != rcptAt)
                continue;
            Add(SaidAt(at), ReplyAt(at), at);
            if (at == rcptAt && recipients.Length > 1)
                turns.Add(new ClientTurn(OthersText(), null, null));
            // What follows is about the others.
            if (at == rcptAt && ReplyAt(at) is { IsPositive: false })
                return turns;
        }
        if (ContentText() is { } content)
            Add(content, finals.Length > 0 ? finals[recipient] : finalReply, ContentAt);
        if (ending is not null)
            turns.Add(new ClientTurn(null, ending, EndedAt));
        return turns;

        void Add(string said, Reply? reply, int at)
        {
            var isEnd = reply is null && ending is not null && (at == answered || at == ContentAt);
            turns.Add(new ClientTurn(
                said, reply is not null ? ClientTurn.TextOf(reply) : isEnd ? ending : null,
                isEnd ? EndedAt : at < answeredAt.Length && answeredAt[at] > 0 ? answeredAt[at] : null));
            if (isEnd || at == ContentAt)
                ending = null;
        }
    }

    string OthersText() => recipients.Length == 2
        ? "(and 1 other recipient)"
        : $"(and {recipients.Length - 1} other recipients)";

    Reply? ReplyAt(int at)
    {
        if (at >= answered)
            return null;
        return at < mailAt ? resetReply
            : at == mailAt ? mailReply
            : at < dataAt ? recipients[at - mailAt - 1].Reply
            : dataReply;
    }

    /// <summary>A 421, or why none of the replies that were due came. Null: all did.</summary>
    string? EndingText() => result switch
    {
        TransactionResult.PeerClosing closing => ClientTurn.TextOf(closing.Reply),
        TransactionResult.Lost lost => $"({lost.Detail})",
        TransactionResult.Uncertain unknown => $"({unknown.Detail})",
        TransactionResult.Delivered { Missing: { } missing } => $"({missing.Detail})",
        _ => null,
    };

    string SaidAt(int at)
    {
        if (at < mailAt)
            return "RSET";
        if (at == dataAt)
            return "DATA";
        var line = new OutputBuffer();
        var commands = new CommandWriter(line);
        if (at == mailAt)
            WriteMail(commands);
        else
            WriteRcpt(commands, envelope.Recipients[at - mailAt - 1]);
        var text = Encoding.UTF8.GetString(line.Written.Span).TrimEnd();
        line.Release();
        return text;
    }

    /// <summary>Null: none of it was sent.</summary>
    string? ContentText() => way switch
    {
        ContentWay.Data when dataReply is not { Code: 354 } => null,
        ContentWay.Data when accepted == 0 => ".",
        ContentWay.Data => EndWasSent ? $". ({content.Octets} octets)"
            : $"({content.Octets} octets of content)",
        ContentWay.OneChunk => written > dataAt ? $"BDAT {content.Octets} LAST" : null,
        _ when accepted == 0 => null,
        _ => EndWasSent ? $"BDAT LAST ({content.Octets} octets in all)"
            : $"BDAT ({content.Octets} octets in all)",
    };
}
