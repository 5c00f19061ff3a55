using System.Text;
using Postern.Cli;
using Postern.Mta.Inbound;
using Postern.Smtp;

namespace Postern.Dashboard.Mail;

/// <summary>What pages show of a mail: taken apart by the same rules as inbound mail, and bounded.</summary>
/// <remarks>Public since components are, and closed to all others. Never throws for what stands in a
/// mail.</remarks>
public sealed class MailView
{
    /// <summary>Of a source that is shown on a page; all of it can be downloaded.</summary>
    internal const int SourceOctetsMax = 256 << 10;

    internal const int TextCharactersMax = 512 << 10;
    internal const int FieldsMax = 200;
    internal const int FilesMax = 200;
    internal const int FieldCharactersMax = 1024;

    MailView(ParsedMail mail, MailPictures pictures, string source, bool isSourceCut)
    {
        Fields = [.. mail.Fields.Take(FieldsMax).Select(
            field => KeyValuePair.Create(Shown(field.Key), Shown(field.Value)))];
        HasMoreFields = mail.Fields.Count > FieldsMax;
        Html = mail.Html;
        var text = mail.PlainOrMade ?? "";
        IsCut = mail.IsTextTruncated;
        IsTextCut = IsCut || text.Length > TextCharactersMax;
        Text = ShownText(text[..Math.Min(text.Length, TextCharactersMax)]);
        Files = [.. mail.Attachments.Take(FilesMax).Select((file, index) => new MailViewFile(
            index + 1, NameOf(file), file.ContentType, file.Octets, file.IsInline))];
        HasMoreFiles = mail.Attachments.Count > FilesMax;
        Pictures = pictures;
        Source = ShownText(source);
        IsSourceCut = isSourceCut;
        var end = source.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        Head = ShownText(end < 0 ? source : source[..(end + 2)]);
        Defects = mail.Defects;
    }

    /// <summary>Decoded, cleaned and cut, in their order.</summary>
    internal IReadOnlyList<KeyValuePair<string, string>> Fields { get; }

    internal bool HasMoreFields { get; }

    /// <summary>Made of the HTML where there is none; empty where there is neither.</summary>
    internal string Text { get; }

    internal bool IsTextCut { get; }

    /// <summary>Text or HTML is larger than what is read.</summary>
    internal bool IsCut { get; }

    /// <summary>As the mail has it, perhaps cut: never to be shown. Null: there is none.</summary>
    internal string? Html { get; }

    /// <summary>It says so much, at least; whether they are pictures the document knows.</summary>
    internal bool MayHaveRemotePictures => Html is { } html
        && html.Contains("<img", StringComparison.OrdinalIgnoreCase)
        && html.Contains("http", StringComparison.OrdinalIgnoreCase);

    internal IReadOnlyList<MailViewFile> Files { get; }
    internal bool HasMoreFiles { get; }
    internal MailPictures Pictures { get; }

    /// <summary>The header section as it stands.</summary>
    internal string Head { get; }

    internal string Source { get; }
    internal bool IsSourceCut { get; }

    /// <summary>What is wrong with its MIME, by fixed names.</summary>
    internal IReadOnlyCollection<string> Defects { get; }

    /// <summary>The first such field; empty where there is none.</summary>
    internal string TextOf(string name) => Fields.FirstOrDefault(
        field => field.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value ?? "";

    /// <param name="directory">Where a large one lies while it is read.</param>
    internal static async ValueTask<MailView> ReadAsync(
        ContentSource content, string directory, CancellationToken cancel)
    {
        await using var mail = await OpenAsync(content, directory, cancel);
        var pictures = await MailPictures.ReadAsync(mail, cancel);
        var (source, isCut) = await ReadSourceAsync(content, cancel);
        return new MailView(mail, pictures, source, isCut);
    }

    /// <summary>The same, for who wants one of its files.</summary>
    internal static ValueTask<ParsedMail> OpenAsync(
        ContentSource content, string directory, CancellationToken cancel) =>
        // One more than can be shown tells that there was more.
        ParsedMail.ReadAsync(content, directory, MailHtml.CharactersMax + 1, cancel);

    static async ValueTask<(string Source, bool IsCut)> ReadSourceAsync(
        ContentSource content, CancellationToken cancel)
    {
        var octets = new byte[(int)Math.Min(content.Octets, SourceOctetsMax)];
        var reader = content.OpenReader();
        try
        {
            await reader.AsStream(leaveOpen: true).ReadExactlyAsync(octets, cancel);
        }
        finally
        {
            await reader.CompleteAsync();
        }
        var isCut = content.Octets > octets.Length;
        // A character that is cut would make the rest look like another charset.
        var end = isCut ? octets.AsSpan().LastIndexOf((byte)'\n') + 1 : octets.Length;
        return (MailCharsets.Decode(octets.AsSpan(0, end == 0 ? octets.Length : end), null), isCut);
    }

    /// <summary>A peer's words on one line: nothing hides, turns around or is endless.</summary>
    internal static string Shown(string text) => Output.Clean(
        text.Length <= FieldCharactersMax ? text : string.Concat(text.AsSpan(0, FieldCharactersMax), "…"));

    /// <summary>The same of many lines. Joiners and other marks that scripts need stay.</summary>
    internal static string ShownText(string text)
    {
        var shown = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            if (c is '\r' or '\0')
                continue;
            // Embeddings, overrides and isolates of direction make text read as something else.
            if (c is >= '\u202a' and <= '\u202e' or >= '\u2066' and <= '\u2069'
                || (char.IsControl(c) && c is not ('\n' or '\t')))
                shown.Append(Output.Clean(c.ToString()));
            else
                shown.Append(c);
        }
        return shown.ToString();
    }

    /// <summary>Of a file, wherever it is shown or saved: composed, since some systems send letters of
    /// Hangul apart.</summary>
    internal static string NameOf(MailAttachment file) => Composed(Shown(file.Name));

    /// <summary>In Unicode's form C.</summary>
    internal static string Composed(string text) =>
        UnicodeText.Normalize(text, NormalizationForm.FormC);
}

/// <param name="Number">From 1, as addresses have it.</param>
/// <param name="Name">Without path and controls, in form C.</param>
sealed record MailViewFile(int Number, string Name, string Type, long Octets, bool IsInline);
