using System.Buffers;
using System.IO.Pipelines;

namespace Postern.Mta.Inbound.Checks;

/// <summary>What the checks of signatures need of a message, gathered while its octets pass: the header
/// section, and the hashes of the body.</summary>
/// <remarks>
/// The body is never held: it passes through at most two hashes, one for each form, and through none where
/// nothing is signed. Whoever appends does so alone, from the first octet to the last.
/// </remarks>
sealed class SignedContent : IDisposable
{
    /// <summary>Octets of a header section. What Intake keeps in memory, where it wants the section to
    /// end.</summary>
    public const int HeaderOctetsMax = 256 << 10;

    /// <summary>Signatures that are looked at, from the top. Honest mail has three or four, each costs a
    /// question to DNS and a proof; postfix with OpenDKIM and Google look at about as many.</summary>
    public const int SignaturesDefault = 10;

    readonly ArrayBufferWriter<byte> head = new();
    readonly BodyHash?[] bodies = new BodyHash?[2];
    HeaderBlock? header;
    bool isComplete;

    public int SignaturesMax { get; init; } = SignaturesDefault;

    /// <summary>A seal will be added: the hash of the body is needed in the form that seals sign.</summary>
    public bool IsToBeSealed { get; init; }

    /// <summary>The section does not end where it should: nothing in it can be proved.</summary>
    public bool IsHeaderTooLarge { get; private set; }

    /// <summary>Known when the content is whole.</summary>
    public HeaderBlock Header => isComplete ? header! : throw new InvalidOperationException("not whole yet");

    /// <summary>DKIM-Signature fields, the first ones, from the top.</summary>
    public IReadOnlyList<SignatureField> Signatures { get; private set; } = [];

    public ArcChain Chain { get; private set; } = ArcChain.None;

    /// <summary>Octets of the body in this form, as far as signatures count them.</summary>
    public long BodyOctetsOf(SignedForm form) => bodies[(int)form]?.Octets ?? 0;

    /// <summary>The hash of the body in this form. Null: it has not so many octets.</summary>
    public byte[]? BodyHashOf(SignedForm form, long? octets) => bodies[(int)form]?.Of(octets);

    /// <summary>Reads content to its end and completes the reader. The caller disposes what it
    /// gets.</summary>
    public static async ValueTask<SignedContent> ReadAsync(PipeReader reader, CancellationToken cancel)
    {
        var content = new SignedContent();
        await content.ReadToEndAsync(reader, cancel).ConfigureAwait(false);
        return content;
    }

    /// <summary>The same of content that gets a seal.</summary>
    public static async ValueTask<SignedContent> ReadToSealAsync(PipeReader reader, CancellationToken cancel)
    {
        var content = new SignedContent { IsToBeSealed = true };
        await content.ReadToEndAsync(reader, cancel).ConfigureAwait(false);
        return content;
    }

    /// <summary>Appends all there is, and completes the reader.</summary>
    async ValueTask ReadToEndAsync(PipeReader reader, CancellationToken cancel)
    {
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(cancel).ConfigureAwait(false);
                try
                {
                    foreach (var piece in read.Buffer)
                        Append(piece.Span);
                }
                finally
                {
                    reader.AdvanceTo(read.Buffer.End);
                }
                if (read.IsCompleted)
                    break;
            }
        }
        finally
        {
            // Content in memory is given back when its last reader has gone.
            await reader.CompleteAsync().ConfigureAwait(false);
        }
        Complete();
    }

    public void Append(ReadOnlySpan<byte> octets)
    {
        if (header is not null)
        {
            AppendBody(octets);
            return;
        }
        var searched = Math.Max(0, head.WrittenCount - 3);
        // A little more than the limit, so that an end just at the limit is seen.
        var room = HeaderOctetsMax + 4 - head.WrittenCount;
        head.Write(octets[..Math.Min(room, octets.Length)]);
        var end = EndOfHeader(head.WrittenSpan, searched);
        if (end < 0 && head.WrittenCount < HeaderOctetsMax + 4)
            return;
        IsHeaderTooLarge = end < 0;
        var (length, after) = end < 0 ? (HeaderOctetsMax, HeaderOctetsMax) : (end, end + 2);
        var beyond = head.WrittenCount - after;
        ReadHeader(length);
        AppendBody(head.WrittenSpan[^beyond..]);
        AppendBody(octets[Math.Min(room, octets.Length)..]);
    }

    /// <summary>The content is whole.</summary>
    public void Complete()
    {
        if (header is null)
            ReadHeader(head.WrittenCount);
        foreach (var body in bodies)
            body?.Complete();
        isComplete = true;
    }

    public void Dispose()
    {
        foreach (var body in bodies)
            body?.Dispose();
    }

    /// <summary>Where the empty line begins. Below 0: not seen yet.</summary>
    static int EndOfHeader(ReadOnlySpan<byte> octets, int from)
    {
        if (octets.StartsWith("\r\n"u8))
            return 0;
        var end = octets[from..].IndexOf("\r\n\r\n"u8);
        return end < 0 ? end : from + end + 2;
    }

    void ReadHeader(int length)
    {
        header = HeaderBlock.Read(head.WrittenMemory[..length]);
        Signatures = [.. header.Named("DKIM-Signature").Reverse().Take(SignaturesMax)
            .Select(field => SignatureField.Read(header, field, SignatureKind.Dkim))];
        Chain = ArcChain.Read(header);
        var needed = Signatures.Concat(Chain.Sets.SelectMany(static set => set.MessageForms))
            .Where(static signature => signature.Fault is null).ToArray();
        foreach (var form in (ReadOnlySpan<SignedForm>)[SignedForm.Simple, SignedForm.Relaxed])
        {
            var signatures = needed.Where(signature => signature.BodyForm == form).ToArray();
            if (signatures.Length > 0 || (IsToBeSealed && form == SignedForm.Relaxed))
            {
                bodies[(int)form] =
                    new BodyHash(form, signatures.Select(static one => one.BodyOctets).OfType<long>());
            }
        }
    }

    void AppendBody(ReadOnlySpan<byte> octets)
    {
        foreach (var body in bodies)
            body?.Append(octets);
    }
}
