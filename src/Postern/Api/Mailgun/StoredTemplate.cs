using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;

namespace Postern.Api.Mailgun;

/// <summary>A template of a sending domain with what is known of its versions; their bodies are objects of
/// their own.</summary>
sealed record StoredTemplate
{
    /// <summary>The kind of the store's objects; the name is the domain, a slash, and the template's
    /// name.</summary>
    public const string Kind = "template";

    /// <summary>Of its bodies; the name has the version's tag behind another slash.</summary>
    public const string BodyKind = "template-body";

    public const string Engine = "handlebars";

    public required string Name { get; init; }
    public string Description { get; init; } = "";
    public required DateTimeOffset CreatedAt { get; init; }
    public string CreatedBy { get; init; } = "";

    /// <summary>A UUID.</summary>
    public required string Id { get; init; }

    /// <summary>Null: there is none, and mail needs <c>t:version</c>.</summary>
    public string? ActiveTag { get; init; }

    /// <summary>By tag.</summary>
    public IReadOnlyList<TemplateVersion> Versions { get; init; } = [];

    public TemplateVersion? Find(string? tag) => Versions.FirstOrDefault(version => version.Tag == tag);

    /// <summary>The same with this version, in the place of one of the same tag.</summary>
    public StoredTemplate With(TemplateVersion version) => this with
    {
        Versions = [.. Versions.Where(other => other.Tag != version.Tag).Append(version)
            .OrderBy(one => one.Tag, StringComparer.Ordinal)],
    };

    public StoredTemplate Without(string tag) => this with
    {
        ActiveTag = ActiveTag == tag ? null : ActiveTag,
        Versions = [.. Versions.Where(version => version.Tag != tag)],
    };

    /// <summary>A UUID of its eighth version of what was made when: it is the same nowhere else.</summary>
    public static string IdOf(string name, DateTimeOffset createdAt)
    {
        var octets = SHA256.HashData(Encoding.UTF8.GetBytes(FormattableString.Invariant(
            $"{createdAt.UtcTicks} {name}"))).AsSpan(0, 16);
        octets[6] = (byte)((octets[6] & 0x0F) | 0x80);
        octets[8] = (byte)((octets[8] & 0x3F) | 0x80);
        return new Guid(octets, bigEndian: true).ToString();
    }
}

/// <summary>A version of a template, without its body.</summary>
sealed record TemplateVersion
{
    /// <summary>Header fields a version may bring along.</summary>
    public static readonly IReadOnlyList<string> HeaderNames = ["From", "Subject", "Reply-To"];

    public required string Tag { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public string Comment { get; init; } = "";
    public required string Id { get; init; }

    /// <summary>Names of <see cref="HeaderNames"/>, and templates.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();
}

sealed record TemplateBody(string Template);

[JsonSerializable(typeof(StoredTemplate))]
[JsonSerializable(typeof(TemplateBody))]
sealed partial class TemplateJson : JsonSerializerContext;
