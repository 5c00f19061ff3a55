using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Postern.Smtp;

namespace Postern.Mta.Transports.Mailgun;

/// <summary>A form of fields and of the message as its file <c>message</c>, streamed as it is read
/// (RFC 7578 §4.2).</summary>
/// <remarks>May be sent again by the connection where the server says that it has not looked at it; one
/// sending at a time. The content stays its owner's.</remarks>
sealed class MimeForm : HttpContent
{
    readonly ContentSource content;
    readonly byte[] head;
    readonly byte[] tail;
    TaskCompletionSource sending = new();

    /// <param name="fields">Names and values without line ends.</param>
    public MimeForm(IEnumerable<(string Name, string Value)> fields, ContentSource content)
    {
        this.content = content;
        // Nobody who writes mail may guess it: he could add fields to the form.
        var boundary = "postern-" + RandomNumberGenerator.GetHexString(32, lowercase: true);
        var text = new StringBuilder();
        foreach (var (name, value) in fields)
            text.Append("--").Append(boundary).Append("\r\nContent-Disposition: form-data; name=\"")
                .Append(name).Append("\"\r\n\r\n").Append(value).Append("\r\n");
        text.Append("--").Append(boundary)
            .Append("\r\nContent-Disposition: form-data; name=\"message\"; filename=\"message.eml\"\r\n")
            .Append("Content-Type: message/rfc822\r\n\r\n");
        head = Encoding.UTF8.GetBytes(text.ToString());
        tail = Encoding.ASCII.GetBytes($"\r\n--{boundary}--\r\n");
        Headers.ContentType = MediaTypeHeaderValue.Parse($"multipart/form-data; boundary={boundary}");
        sending.SetResult();
    }

    /// <summary>The end of the form was handed to the connection: the server may have it whole.</summary>
    public bool MayBeWhole { get; private set; }

    /// <summary>The content could not be read. Null: it could.</summary>
    public Exception? SourceTrouble { get; private set; }

    /// <summary>Nothing reads the content any more.</summary>
    public Task Idle => sending.Task;

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(
        Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        sending = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        MayBeWhole = false;
        try
        {
            await stream.WriteAsync(head, cancellationToken);
            await CopyContentAsync(stream, cancellationToken);
            MayBeWhole = true;
            await stream.WriteAsync(tail, cancellationToken);
        }
        finally
        {
            sending.SetResult();
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = head.Length + content.Octets + tail.Length;
        return true;
    }

    async Task CopyContentAsync(Stream stream, CancellationToken cancel)
    {
        var reader = content.OpenReader();
        try
        {
            while (await ReadAsync(reader, cancel) is { Buffer.IsEmpty: false } read)
            {
                try
                {
                    foreach (var piece in read.Buffer)
                        await stream.WriteAsync(piece, cancel);
                }
                finally
                {
                    reader.AdvanceTo(read.Buffer.End);
                }
            }
        }
        finally
        {
            await reader.CompleteAsync();
        }
    }

    async ValueTask<ReadResult> ReadAsync(PipeReader reader, CancellationToken cancel)
    {
        try
        {
            return await reader.ReadAsync(cancel);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            SourceTrouble = e;
            throw;
        }
    }
}
