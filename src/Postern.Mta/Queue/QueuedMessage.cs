using Postern.Mta.Inbound.Checks;
using Postern.Mta.Lists;
using Postern.Smtp;

namespace Postern.Mta.Queue;

/// <summary>Envelope and content in our care; the facts of it that never change.</summary>
public sealed record QueuedMessage
{
    public required QueueId Id { get; init; }
    public required DateTimeOffset ArrivedAt { get; init; }
    public required MailDoors Door { get; init; }
    public required ReversePath Sender { get; init; }
    public MailParameters Parameters { get; init; } = MailParameters.None;
    public required ClientFacts Client { get; init; }

    /// <summary>Canonical octets as stored, before <see cref="Edits"/>.</summary>
    public required long ContentOctets { get; init; }

    /// <summary>The content lies in a file of its own under this name, beside the store. Null: in the
    /// store.</summary>
    public string? ContentFile { get; init; }

    public ContentTraits Traits { get; init; }
    public HeaderEdits Edits { get; init; } = HeaderEdits.None;

    /// <summary>The Message-ID field with its angle brackets, as it stands in the content or was
    /// added.</summary>
    public string MessageId { get; init; } = "";

    /// <summary>The Subject field in words, for the <c>accepted</c> event, which keeps it: with the message
    /// it is not stored. Null: there is none, or it is not to be recorded.</summary>
    public string? Subject { get; init; }

    /// <summary>Null: it came without any.</summary>
    public MailOptions? Options { get; init; }

    /// <summary>What was found out about it at the door. Null: nothing was checked.</summary>
    public MailChecks? Checks { get; init; }

    /// <summary>Mailing lists that it goes to. Empty: none.</summary>
    public IReadOnlyList<ListMail> Lists { get; init; } = [];

    /// <summary>When attempts may begin: what it has waited is counted from here.</summary>
    public DateTimeOffset BeginsAt =>
        Options?.DeliverAt is { } at && at > ArrivedAt ? at : ArrivedAt;

    /// <summary>The message this one reports on (a bounce or a delay notice); a mail about alarms names
    /// itself. Null otherwise.</summary>
    public QueueId? ReportOn { get; init; }

    /// <summary>The list that a recipient has it from. Null: from none.</summary>
    public ListMail? ListOf(Recipient row) => row.List is { } number ? Lists[number - 1] : null;

    /// <summary>What is added and cut on the way to a recipient.</summary>
    public HeaderEdits EditsOf(Recipient row) => ListOf(row)?.Over(Edits) ?? Edits;

    /// <summary>What events of a recipient carry: a list's mail is its domain's.</summary>
    public MailOptions? OptionsOf(Recipient row) => ListOf(row) is not { } list ? Options
        : (Options ?? new MailOptions { Domain = list.Domain }) with
        {
            Domain = list.Domain,
            List = list.Address,
        };
}

/// <summary>What a scan of the content found.</summary>
[Flags]
public enum ContentTraits
{
    None = 0,
    EightBit = 1,
    EightBitHeader = 2,
    NoFinalLineEnd = 4,
    LongLine = 8,
    Nul = 16,
}

/// <summary>Who handed the message to us.</summary>
public sealed record ClientFacts
{
    /// <summary>The address, without port. Empty for mail made here.</summary>
    public string Address { get; init; } = "";

    public int Port { get; init; }

    /// <summary>The verified reverse name. Null: unknown.</summary>
    public string? Name { get; init; }

    public string Helo { get; init; } = "";

    /// <summary>RFC 3848, or <c>HTTP</c>, or <c>local</c>.</summary>
    public string Protocol { get; init; } = "local";

    public string Listener { get; init; } = "";
    public string? Account { get; init; }
    public string? Mechanism { get; init; }

    /// <summary>As in <c>TLSv1.3 with cipher TLS_AES_256_GCM_SHA384</c>. Null: plain.</summary>
    public string? Tls { get; init; }
}

/// <summary>What is added to and cut from the stored content while it is streamed out (DESIGN
/// §9.3).</summary>
/// <param name="Prefix">Octets put in front: whole header fields with CRLF.</param>
/// <param name="Cuts">Ranges of the stored content left out, in order, not overlapping.</param>
public sealed record HeaderEdits(ReadOnlyMemory<byte> Prefix, IReadOnlyList<ContentRange> Cuts)
{
    public static readonly HeaderEdits None = new(default, []);

    /// <summary>Ranges in order and not overlapping, of such as several have found.</summary>
    public static IReadOnlyList<ContentRange> Merge(IEnumerable<ContentRange> ranges)
    {
        var merged = new List<ContentRange>();
        foreach (var range in ranges.OrderBy(range => range.Start))
        {
            if (merged is [.., var last] && range.Start < last.Start + last.Length)
                merged[^1] = last with
                {
                    Length = Math.Max(last.Length, range.Start + range.Length - last.Start),
                };
            else
                merged.Add(range);
        }
        return merged;
    }
}

/// <summary>Octets from <paramref name="Start"/>, <paramref name="Length"/> of them.</summary>
public readonly record struct ContentRange(long Start, long Length);
