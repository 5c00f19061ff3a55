using System.Buffers;
using System.IO.Compression;
using System.Text;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Api.Mailgun;

/// <summary>Reads the form of a request: urlencoded or multipart, packed by gzip or not.</summary>
/// <remarks>
/// Every limit holds for what is unpacked, and is checked while reading. Files pass through memory in pieces;
/// fields stay there. Lenient where Mailgun's clients need it: an empty body is an empty form, whatever its
/// type; a part needs no type; a quoted boundary, an unquoted name and <c>filename*</c> are taken.
/// </remarks>
sealed class FormReader
{
    /// <summary>A thousand recipients and what else may come.</summary>
    const int FieldsMax = 4096;

    const int PartHeadersMax = 32;
    const int PartHeaderOctetsMax = 16 << 10;
    const int BoundaryOctetsMax = 200;
    const int NameOctetsMax = 1024;

    /// <summary>Handed on at once, whatever the sizes are that it comes in: each step of a large file costs
    /// garbage, which stays until there is much of it.</summary>
    const int PieceOctets = 64 << 10;

    /// <summary>Asked of the connection at once while parts are parted.</summary>
    const int PartBufferOctets = 32 << 10;

    /// <summary>Of all fields together, which stay in memory.</summary>
    const long FieldOctetsMax = 26L << 20;

    readonly long octetsMax;
    readonly string directory;
    long left;

    /// <param name="octetsMax">Of the whole body, unpacked.</param>
    /// <param name="directory">Where files are put that are too large for memory.</param>
    public FormReader(long octetsMax, string directory)
    {
        this.octetsMax = left = octetsMax;
        this.directory = directory;
    }

    /// <summary>Takes the octets of a file part in place of the form. Null from it: the form keeps
    /// it.</summary>
    public Func<string, FileTaker?>? Divert { get; init; }

    /// <exception cref="ApiException">What came is no form, or too large a one.</exception>
    public async ValueTask<ApiForm> ReadAsync(HttpRequest request, CancellationToken cancel)
    {
        var form = new ApiForm();
        try
        {
            await using var body = Unpack(request);
            var type = MediaTypeHeaderValue.TryParse(request.ContentType, out var media)
                ? media.MediaType.Value ?? "" : "";
            if (type.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase))
                await ReadPartsAsync(form, body, media!, cancel);
            else
                await ReadPairsAsync(form, body, type, cancel);
            return form;
        }
        // Its own status stands: Kestrel has found the request too slow, or cut off.
        catch (Exception e) when (e is InvalidDataException or IOException and not BadHttpRequestException)
        {
            await form.DisposeAsync();
            throw new ApiException(400, "malformed multipart/form-data request", e);
        }
        catch
        {
            await form.DisposeAsync();
            throw;
        }
    }

    static Stream Unpack(HttpRequest request) =>
        request.Headers.ContentEncoding.ToString().ToLowerInvariant() switch
        {
            "" or "identity" => request.Body,
            "gzip" or "x-gzip" => new GZipStream(request.Body, CompressionMode.Decompress),
            var other => throw new ApiException(
                415, $"Content-Encoding {ApiException.Shown(other)} is not taken, gzip is"),
        };

    async ValueTask ReadPairsAsync(ApiForm form, Stream body, string type, CancellationToken cancel)
    {
        var octets = await ReadAllAsync(body, cancel);
        if (octets.Length == 0)
            return;
        if (!type.Equals("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase))
            throw new ApiException(400,
                "Invalid request content type. Expecting 'multipart/form-data' but got "
                + $"'{ApiException.Shown(type)}'");
        foreach (var pair in Encoding.UTF8.GetString(octets).Split('&', FieldsMax + 1))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            var name = Decode(equals < 0 ? pair : pair[..equals]);
            if (name.Length > 0)
                AddField(form, name, equals < 0 ? "" : Decode(pair[(equals + 1)..]));
        }
    }

    static string Decode(string text) => Uri.UnescapeDataString(text.Replace('+', ' '));

    async ValueTask ReadPartsAsync(
        ApiForm form, Stream body, MediaTypeHeaderValue type, CancellationToken cancel)
    {
        var boundary = HeaderUtilities.RemoveQuotes(type.Boundary).Value;
        if (string.IsNullOrEmpty(boundary) || boundary.Length > BoundaryOctetsMax)
            throw new ApiException(400, "malformed multipart/form-data request");
        var counted = new CountedStream(body, Take);
        var parts = new MultipartReader(boundary, counted, PartBufferOctets)
        {
            HeadersCountLimit = PartHeadersMax,
            HeadersLengthLimit = PartHeaderOctetsMax,
        };
        while (await NextAsync(parts, counted, cancel) is { } part)
            await ReadPartAsync(form, part, cancel);
    }

    /// <summary>An empty body has no parts.</summary>
    static async ValueTask<MultipartSection?> NextAsync(
        MultipartReader parts, CountedStream body, CancellationToken cancel)
    {
        try
        {
            return await parts.ReadNextSectionAsync(cancel);
        }
        catch (IOException) when (body.Octets == 0)
        {
            return null;
        }
    }

    async ValueTask ReadPartAsync(ApiForm form, MultipartSection part, CancellationToken cancel)
    {
        if (!ContentDispositionHeaderValue.TryParse(part.ContentDisposition, out var disposition))
            throw new ApiException(400, "malformed multipart/form-data request");
        var name = HeaderUtilities.RemoveQuotes(disposition.Name).Value ?? "";
        var file = disposition.FileNameStar.Value ?? HeaderUtilities.RemoveQuotes(disposition.FileName).Value;
        var taker = Divert?.Invoke(ApiForm.Plain(name));
        if (file is null && taker is null)
        {
            AddField(form, name, Encoding.UTF8.GetString(await ReadAllAsync(part.Body, cancel)));
            return;
        }
        if (form.Files.Count >= FieldsMax || Encoding.UTF8.GetByteCount(name) > NameOctetsMax)
            throw TooMany();
        if (taker is null)
        {
            var kept = new ApiFile(
                ApiForm.Plain(name), Path.GetFileName(file!.Replace('\\', '/')), part.ContentType, directory);
            form.Add(kept);
            taker = kept.WriteAsync;
        }
        await CopyAsync(part.Body, taker, cancel);
    }

    static async ValueTask CopyAsync(Stream from, FileTaker to, CancellationToken cancel)
    {
        var piece = ArrayPool<byte>.Shared.Rent(PieceOctets);
        try
        {
            while (await from.ReadAtLeastAsync(piece, PieceOctets, throwOnEndOfStream: false, cancel)
                is var octets && octets > 0)
                await to(piece.AsMemory(0, octets), cancel);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    void AddField(ApiForm form, string name, string value)
    {
        if (form.Fields.Count >= FieldsMax || Encoding.UTF8.GetByteCount(name) > NameOctetsMax)
            throw TooMany();
        form.Add(name, value);
        if (form.FieldOctets > FieldOctetsMax)
            throw TooLarge();
    }

    async ValueTask<byte[]> ReadAllAsync(Stream body, CancellationToken cancel)
    {
        var all = new ArrayBufferWriter<byte>();
        await CopyAsync(body, (piece, _) =>
        {
            if (all.WrittenCount + piece.Length > FieldOctetsMax)
                throw TooLarge();
            all.Write(piece.Span);
            return ValueTask.CompletedTask;
        }, cancel);
        return all.WrittenSpan.ToArray();
    }

    void Take(int octets)
    {
        left -= octets;
        if (left < 0)
            throw TooLarge();
    }

    static ApiException TooMany() =>
        new(400, $"a form may have {FieldsMax} fields, with names of {NameOctetsMax} octets");

    ApiException TooLarge() => new(413, $"the request is larger than {octetsMax} octets");
}

/// <summary>Tells of each piece that is read through it.</summary>
sealed class CountedStream(Stream inner, Action<int> read) : Stream
{
    public long Octets { get; private set; }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancel = default)
    {
        var octets = await inner.ReadAsync(buffer, cancel);
        Octets += octets;
        read(octets);
        return octets;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancel) =>
        ReadAsync(buffer.AsMemory(offset, count), cancel).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Flush() => throw new NotSupportedException();
}

/// <summary>Takes a piece of a file part.</summary>
delegate ValueTask FileTaker(ReadOnlyMemory<byte> octets, CancellationToken cancel);

/// <summary>A request that is answered with a status and a JSON message.</summary>
sealed class ApiException(int status, string message, Exception? inner = null) : Exception(message, inner)
{
    public int Status => status;

    /// <summary>Another member that says the same, where clients look for it: <c>Reason</c>. Null:
    /// none.</summary>
    public string? Member { get; init; }

    /// <summary>What a reply of the house says: 400 for good, 503 for now.</summary>
    public static ApiException Of(Reply refusal, string about = "") =>
        new(refusal.IsTransient ? 503 : 400, about + string.Join(' ', refusal.Lines));

    /// <summary>A word of the caller's in a message.</summary>
    public static string Shown(string text) => Replies.Clean(text, 255);
}
