using System.Text.Json;
using System.Text.Json.Serialization;

namespace Postern.Listeners;

/// <summary>What <c>serve --ready-file</c> writes once mail can come in: where everything really
/// is.</summary>
sealed record ReadyFile(int Pid, IReadOnlyList<ReadyListener> Listeners, string Admin, string Data)
{
    public void Write(string path) => PrivateFile.Write(
        Path.GetFullPath(path), JsonSerializer.Serialize(this, ReadyJson.Default.ReadyFile) + "\n");

    public static void Remove(string path) => File.Delete(path);
}

/// <summary>One listener, as bound.</summary>
sealed record ReadyListener(string Name, string For, string Tls, string Address, int Port);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ReadyFile))]
sealed partial class ReadyJson : JsonSerializerContext;
