using System.Buffers.Text;
using Postern.Mta.Inbound;

namespace Postern.Dashboard.Mail;

/// <summary>Pictures of a mail itself that its HTML may show: as <c>data:</c> addresses, which load
/// nothing.</summary>
sealed class MailPictures
{
    /// <summary>Newsletters have some ten.</summary>
    public const int PicturesMax = 50;

    /// <summary>All together.</summary>
    public const int OctetsMax = 5_000_000;

    public static readonly MailPictures None = new();

    static readonly string[] Types = ["image/png", "image/jpeg", "image/gif", "image/webp"];

    readonly Dictionary<string, string> byContentId = new(StringComparer.OrdinalIgnoreCase);

    MailPictures()
    {
    }

    public static async ValueTask<MailPictures> ReadAsync(ParsedMail mail, CancellationToken cancel)
    {
        var pictures = new MailPictures();
        var octets = 0L;
        foreach (var file in mail.Attachments)
        {
            if (file.ContentId is not { } id || !Types.Contains(file.ContentType)
                || pictures.byContentId.Count == PicturesMax || octets + file.Octets > OctetsMax)
                continue;
            octets += file.Octets;
            using var to = new MemoryStream((int)file.Octets);
            await file.WriteToAsync(to, cancel);
            pictures.byContentId.TryAdd(
                id[1..^1], $"data:{file.ContentType};base64,{Convert.ToBase64String(to.ToArray())}");
        }
        return pictures;
    }

    /// <summary>Null: there is none.</summary>
    /// <param name="source"><c>cid:</c> and a Content-ID (RFC 2392 §2), or the whole picture.</param>
    public string? Find(string source) =>
        source.StartsWith("cid:", StringComparison.OrdinalIgnoreCase)
            ? byContentId.GetValueOrDefault(Uri.UnescapeDataString(source[4..]).Trim('<', '>'))
            : IsPicture(source) ? source : null;

    static bool IsPicture(string source)
    {
        foreach (var type in Types)
        {
            var start = $"data:{type};base64,";
            if (source.StartsWith(start, StringComparison.OrdinalIgnoreCase))
                return Base64.IsValid(source.AsSpan(start.Length));
        }
        return false;
    }
}
