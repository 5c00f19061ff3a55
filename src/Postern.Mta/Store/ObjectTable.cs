using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Postern.Mta.Store;

/// <summary>The store's objects of one kind, as records.</summary>
/// <param name="kind">As in <see cref="StoredObject.Kind"/>.</param>
/// <param name="type">How a record is written; source-generated.</param>
public sealed class ObjectTable<T>(IMailStore store, string kind, JsonTypeInfo<T> type) where T : class
{
    /// <summary>Null: there is none of this name.</summary>
    /// <exception cref="JsonException">It is damaged.</exception>
    public async ValueTask<T?> FindAsync(string name, CancellationToken cancel) =>
        await store.FindObjectAsync(kind, name, cancel).ConfigureAwait(false) is { } found
            ? Read(found) : null;

    /// <summary>All of them, by name.</summary>
    /// <exception cref="JsonException">One is damaged.</exception>
    public async ValueTask<IReadOnlyList<Named<T>>> ReadAsync(CancellationToken cancel) =>
        NamesOf(await store.ReadObjectsAsync(kind, cancel).ConfigureAwait(false));

    /// <summary>A page of those whose names begin so.</summary>
    /// <param name="page">Makes the page of a range of this kind.</param>
    /// <exception cref="JsonException">One is damaged.</exception>
    public async ValueTask<IReadOnlyList<Named<T>>> ListAsync(
        string prefix, int limit, Func<ObjectRange, ObjectRange>? page, CancellationToken cancel)
    {
        var range = new ObjectRange(kind, prefix, limit);
        return NamesOf(await store.ListObjectsAsync(page?.Invoke(range) ?? range, cancel)
            .ConfigureAwait(false));
    }

    /// <summary>What puts it into the store, or in the place of the one of this name.</summary>
    public ObjectChange Put(string name, T value) =>
        new(kind, name, JsonSerializer.SerializeToUtf8Bytes(value, type));

    /// <summary>What takes it out of the store.</summary>
    public ObjectChange Remove(string name) => new(kind, name, null);

    List<Named<T>> NamesOf(IReadOnlyList<StoredObject> found) =>
        [.. found.Select(one => new Named<T>(one.Name, Read(one)))];

    T Read(StoredObject found) => JsonSerializer.Deserialize(found.Json.Span, type)
        ?? throw new JsonException($"the {kind} \"{found.Name}\" of the store is empty");
}

/// <summary>An object with the name it has in the store.</summary>
public readonly record struct Named<T>(string Name, T Value);
