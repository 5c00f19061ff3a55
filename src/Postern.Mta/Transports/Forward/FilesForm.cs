using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Postern.Mta.Inbound;

namespace Postern.Mta.Transports.Forward;

/// <summary>Fields and files as <c>multipart/form-data</c> (RFC 7578 §4.2); the files are decoded as they
/// are sent.</summary>
sealed class FilesForm : HttpContent
{
    readonly IReadOnlyList<MailAttachment> files;
    readonly byte[] head;
    readonly byte[][] fileHeads;
    readonly byte[] tail;
    TaskCompletionSource sending = new();

    public FilesForm(FormFields fields, IReadOnlyList<MailAttachment> files)
    {
        this.files = files;
        // Nobody who writes mail may guess it: he could add fields to the form.
        var boundary = "postern-" + RandomNumberGenerator.GetHexString(32, lowercase: true);
        using var text = new MemoryStream();
        foreach (var (name, value) in fields.All)
        {
            text.Write(Encoding.UTF8.GetBytes(
                $"--{boundary}\r\nContent-Disposition: form-data; name=\"{Quoted(name)}\"\r\n\r\n"));
            text.Write(value);
            text.Write("\r\n"u8);
        }
        head = text.ToArray();
        fileHeads = [.. files.Select((file, place) => Encoding.UTF8.GetBytes(
            $"--{boundary}\r\nContent-Disposition: form-data; name=\"{InboundForm.NameOf(place + 1)}\";"
            + $" filename=\"{Quoted(file.Name)}\"\r\nContent-Type: {file.ContentType}\r\n\r\n"))];
        tail = Encoding.ASCII.GetBytes($"--{boundary}--\r\n");
        Headers.ContentType = MediaTypeHeaderValue.Parse($"multipart/form-data; boundary={boundary}");
        sending.SetResult();
    }

    /// <summary>Nothing reads the files any more.</summary>
    public Task Idle => sending.Task;

    /// <summary>As browsers do it (WHATWG HTML, multipart form data).</summary>
    static string Quoted(string text) => text.Replace("\"", "%22", StringComparison.Ordinal)
        .Replace("\r", "%0D", StringComparison.Ordinal).Replace("\n", "%0A", StringComparison.Ordinal);

    protected override bool TryComputeLength(out long length)
    {
        length = head.Length + tail.Length + fileHeads.Sum(one => (long)one.Length)
            + files.Sum(file => file.Octets + 2);
        return true;
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(
        Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        sending = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            await stream.WriteAsync(head, cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < files.Count; i++)
            {
                await stream.WriteAsync(fileHeads[i], cancellationToken).ConfigureAwait(false);
                await files[i].WriteToAsync(stream, cancellationToken).ConfigureAwait(false);
                await stream.WriteAsync("\r\n"u8.ToArray(), cancellationToken).ConfigureAwait(false);
            }
            await stream.WriteAsync(tail, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            sending.SetResult();
        }
    }
}
