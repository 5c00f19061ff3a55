using System.Security.Cryptography;

namespace Postern.Dashboard;

/// <summary>A file of the dashboard's own: its style, its script, its picture.</summary>
/// <remarks>The address bears the sum of the content, so browsers may keep it for ever.</remarks>
sealed class Asset
{
    public const string Root = "/assets";

    readonly byte[] octets;
    readonly string type;

    Asset(string name, string type)
    {
        using var stream = typeof(Asset).Assembly.GetManifestResourceStream(name)!;
        octets = new byte[stream.Length];
        stream.ReadExactly(octets);
        this.type = type;
        var sum = Convert.ToHexStringLower(SHA256.HashData(octets)[..6]);
        Path = $"{Root}/{sum}/{name}";
    }

    public static readonly Asset Style = new("dashboard.css", "text/css; charset=utf-8");

    public static readonly Asset Script = new("dashboard.js", "text/javascript; charset=utf-8");

    public static readonly Asset Icon = new("postern.svg", "image/svg+xml");

    public static IReadOnlyList<Asset> All { get; } = [Style, Script, Icon];

    /// <summary>Where pages find it.</summary>
    public string Path { get; }

    public async Task SendAsync(HttpContext context)
    {
        context.Response.ContentType = type;
        context.Response.ContentLength = octets.Length;
        context.Response.Headers.CacheControl = "public, max-age=31536000, immutable";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        await context.Response.Body.WriteAsync(octets, context.RequestAborted);
    }
}
