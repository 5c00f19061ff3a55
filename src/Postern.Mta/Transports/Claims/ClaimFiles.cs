using Postern.Mta.Queue;

namespace Postern.Mta.Transports.Claims;

/// <summary>What lies in the claim directories of a configuration.</summary>
public static class ClaimFiles
{
    /// <summary>The path of a message that documents link to. Null: it is not there (any more).</summary>
    public static string? Find(PosternOptions options, QueueId id) => options.Transports.Values
        .Where(static transport => transport.HasClaimDirectory && transport.ClaimUrl is not null)
        .Select(transport => ClaimDirectory.PathOf(transport, options.Data))
        .Distinct(StringComparer.Ordinal)
        .Select(directory => Path.Combine(directory, ClaimDirectory.NameOf(id)))
        .FirstOrDefault(File.Exists);

    /// <summary>Reads the name of a file that is whole.</summary>
    public static bool TryReadName(string name, out QueueId id)
    {
        id = default;
        return name.EndsWith(ClaimDirectory.Extension, StringComparison.Ordinal)
            && QueueId.TryParse(name.AsSpan(0, name.Length - ClaimDirectory.Extension.Length), out id);
    }
}
