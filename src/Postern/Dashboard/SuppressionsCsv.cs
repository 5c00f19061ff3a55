using System.Globalization;
using System.Text;
using Postern.Mta;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;

namespace Postern.Dashboard;

/// <summary>The suppression list as a file of comma-separated values, in UTF-8, sent as it is read.</summary>
static class SuppressionsCsv
{
    public const string Path = "/suppressions.csv";

    const string Head = "domain,kind,address,since,code,text,tags,message,source\r\n";

    public static async Task SendAsync(HttpContext context, MailTransferAgent agent)
    {
        var fields = context.Request.Query;
        if (!SuppressionQuery.TryRead(name => fields[name].ToString().Trim(), out var query))
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            return;
        }
        var response = context.Response;
        response.ContentType = "text/csv; charset=utf-8; header=present";
        response.Headers.ContentDisposition = "attachment; filename=\"suppressions.csv\"";
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers.CacheControl = "no-store";
        await using var text = new StreamWriter(response.Body, new UTF8Encoding(false), leaveOpen: true);
        await text.WriteAsync(Head);
        await foreach (var entry in query.AllAsync(agent.Queue.Suppressions.Entries, context.RequestAborted))
            await text.WriteAsync(LineOf(entry));
    }

    public static string LineOf(Named<Suppression> entry)
    {
        var (key, value) = (SuppressionKey.Parse(entry.Name), entry.Value);
        string?[] cells =
        [
            key.Domain, key.Kind.ToString().ToLowerInvariant(), key.Address,
            value.Since.UtcDateTime.ToString("u", CultureInfo.InvariantCulture), value.Code,
            value.Error ?? value.Reason, value.Tags is { } tags ? string.Join(' ', tags) : null,
            value.Message, value.Source,
        ];
        return string.Join(',', cells.Select(CellOf)) + "\r\n";
    }

    /// <summary>No spreadsheet takes it for a formula.</summary>
    static string CellOf(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return "";
        if (text[0] is '=' or '+' or '-' or '@' or '\t' or '\r' or '\n')
            text = "'" + text;
        // RFC 4180 §2.
        return text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text
            : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }
}
