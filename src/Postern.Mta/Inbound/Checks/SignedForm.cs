using System.Buffers;
using System.Security.Cryptography;

namespace Postern.Mta.Inbound.Checks;

/// <summary>How octets are written before they are hashed (RFC 6376 §3.4).</summary>
enum SignedForm
{
    Simple,
    Relaxed,
}

/// <summary>Header fields in the form that is signed, hashed one after the other.</summary>
sealed class FieldHash : IDisposable
{
    readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public void Append(HeaderBlock header, int field, SignedForm form) =>
        Append(header.OctetsOf(field), header.Fields[field], form, "\r\n"u8);

    /// <summary>The signature's own field: last, with <c>b=</c> empty, without its line end (RFC 6376
    /// §3.7).</summary>
    public void AppendOwn(HeaderBlock header, SignatureField signature, SignedForm form)
    {
        var octets = header.OctetsOf(signature.Field);
        var place = header.Fields[signature.Field];
        var value = octets[(place.ColonAt + 1)..];
        var rented = ArrayPool<byte>.Shared.Rent(octets.Length);
        var before = place.ColonAt + 1 + signature.ValueStart;
        octets[..before].CopyTo(rented);
        value[signature.ValueEnd..].CopyTo(rented.AsSpan(before));
        var length = octets.Length - (signature.ValueEnd - signature.ValueStart);
        Append(rented.AsSpan(0, length), place, form, default);
        ArrayPool<byte>.Shared.Return(rented);
    }

    public void Append(ReadOnlySpan<byte> octets) => hash.AppendData(octets);

    /// <summary>The hash of all, 32 octets.</summary>
    public byte[] Complete() => hash.GetHashAndReset();

    public void Dispose() => hash.Dispose();

    void Append(ReadOnlySpan<byte> field, HeaderField place, SignedForm form, ReadOnlySpan<byte> end)
    {
        if (field.EndsWith("\r\n"u8))
            field = field[..^2];
        if (form == SignedForm.Simple)
            hash.AppendData(field);
        else
        {
            var rented = ArrayPool<byte>.Shared.Rent(field.Length);
            hash.AppendData(rented, 0, Relax(field, place, rented));
            ArrayPool<byte>.Shared.Return(rented);
        }
        hash.AppendData(end);
    }

    /// <summary>RFC 6376 §3.4.2: the name in lower case, unfolded, runs of white space one space, none at
    /// the ends.</summary>
    static int Relax(ReadOnlySpan<byte> field, HeaderField place, Span<byte> to)
    {
        for (var i = 0; i < place.NameLength; i++)
            to[i] = field[i] is >= (byte)'A' and <= (byte)'Z' ? (byte)(field[i] | 0x20) : field[i];
        var length = place.NameLength;
        to[length++] = (byte)':';
        var isSpace = false;
        var start = length;
        var value = field[(place.ColonAt + 1)..];
        for (var i = 0; i < value.Length; i++)
        {
            if (value[i] == (byte)'\r' && i + 1 < value.Length && value[i + 1] == (byte)'\n')
                i++;
            else if (value[i] is (byte)' ' or (byte)'\t')
                isSpace = true;
            else
            {
                if (isSpace && length > start)
                    to[length++] = (byte)' ';
                isSpace = false;
                to[length++] = value[i];
            }
        }
        return length;
    }
}

/// <summary>A body in the form that is signed, hashed while it passes; one hash serves all signatures of a
/// form, whatever their <c>l=</c>.</summary>
/// <remarks>Our own and not MimeKit's filters: those copy each piece, and count for one <c>l=</c>
/// only.</remarks>
sealed class BodyHash : IDisposable
{
    const int BufferOctets = 4096;

    readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    readonly byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferOctets);
    readonly Dictionary<long, byte[]> starts = [];
    readonly SignedForm form;
    readonly long[] lengths;
    byte[]? whole;
    int next;
    int buffered;
    long emptyLines;
    bool isSpace;
    bool afterCr;
    bool isDisposed;

    /// <param name="form">Simple or relaxed.</param>
    /// <param name="lengths">Each <c>l=</c> that is asked for.</param>
    public BodyHash(SignedForm form, IEnumerable<long> lengths)
    {
        this.form = form;
        this.lengths = [.. lengths.Distinct().Order()];
    }

    /// <summary>Octets of the body in this form so far.</summary>
    public long Octets { get; private set; }

    public void Append(ReadOnlySpan<byte> octets)
    {
        while (!octets.IsEmpty)
        {
            if (afterCr)
            {
                afterCr = false;
                if (octets[0] == (byte)'\n')
                {
                    isSpace = false;
                    emptyLines++;
                    octets = octets[1..];
                    continue;
                }
                TakeText("\r"u8);
            }
            var run = form == SignedForm.Relaxed
                ? octets.IndexOfAny((byte)' ', (byte)'\t', (byte)'\r') : octets.IndexOf((byte)'\r');
            if (run != 0)
            {
                run = run < 0 ? octets.Length : run;
                TakeText(octets[..run]);
                octets = octets[run..];
                continue;
            }
            afterCr = octets[0] == (byte)'\r';
            isSpace |= !afterCr;
            octets = octets[1..];
        }
    }

    /// <summary>The body is whole.</summary>
    public void Complete()
    {
        if (afterCr)
            TakeText("\r"u8);
        // RFC 6376 §3.4.3, §3.4.4: one line end behind a body; an empty one is a line end, or nothing at
        // all.
        if (Octets > 0 || form == SignedForm.Simple)
            Emit("\r\n"u8);
        Emit([]);
        Flush();
        whole = hash.GetHashAndReset();
    }

    /// <summary>The hash of the whole body, or of its first octets. Null: it has not so many.</summary>
    public byte[]? Of(long? length) =>
        length is { } octets ? starts.GetValueOrDefault(octets) : whole;

    public void Dispose()
    {
        if (isDisposed)
            return;
        isDisposed = true;
        hash.Dispose();
        ArrayPool<byte>.Shared.Return(buffer);
    }

    void TakeText(ReadOnlySpan<byte> text)
    {
        // Empty lines at the end are left out: they wait until something follows.
        for (; emptyLines > 0; emptyLines--)
            Emit("\r\n"u8);
        if (isSpace)
            Emit(" "u8);
        isSpace = false;
        Emit(text);
    }

    void Emit(ReadOnlySpan<byte> octets)
    {
        while (next < lengths.Length && lengths[next] - Octets <= octets.Length)
        {
            var part = octets[..(int)(lengths[next] - Octets)];
            Write(part);
            octets = octets[part.Length..];
            Flush();
            starts[lengths[next++]] = hash.GetCurrentHash();
        }
        Write(octets);
    }

    void Write(ReadOnlySpan<byte> octets)
    {
        Octets += octets.Length;
        if (octets.Length > BufferOctets - buffered)
            Flush();
        if (octets.Length > BufferOctets)
            hash.AppendData(octets);
        else
        {
            octets.CopyTo(buffer.AsSpan(buffered));
            buffered += octets.Length;
        }
    }

    void Flush()
    {
        hash.AppendData(buffer, 0, buffered);
        buffered = 0;
    }
}
