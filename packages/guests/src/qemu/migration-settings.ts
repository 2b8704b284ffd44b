import { isObject, type JsonObject, objectsIn, textAt } from './json.ts';
import type { QmpClient } from './qmp-client.ts';

/** Everything else is switched off: it would change the stream, or the order in which things happen. */
const NEEDED: ReadonlySet<string> = new Set(['x-ignore-shared', 'return-path']);
/** Of what goes with the devices (video memory) everything fits into the pause. */
const PARAMETERS = { 'max-bandwidth': 2 ** 40, 'downtime-limit': 2000 } as const;

/** What a migration of the devices only needs, and a way back to what was set before. */
export class MigrationSettings {
  readonly #qmp: QmpClient;
  readonly #capabilities: JsonObject[];
  readonly #parameters: JsonObject;

  private constructor(qmp: QmpClient, capabilities: JsonObject[], parameters: JsonObject) {
    this.#qmp = qmp;
    this.#capabilities = capabilities;
    this.#parameters = parameters;
  }

  /** @throws QemuError QEMU_COMMAND when this QEMU has no such capability. */
  static async apply(qmp: QmpClient): Promise<MigrationSettings> {
    const capabilities = objectsIn(await qmp.execute('query-migrate-capabilities'));
    const parameters = await qmp.execute('query-migrate-parameters');
    const known = isObject(parameters) ? parameters : {};
    const before = Object.fromEntries(Object.keys(PARAMETERS).map((name) => [name, known[name]]));
    const changed = capabilities.filter((each) => each['state'] !== NEEDED.has(textAt(each, 'capability')));
    const settings = new MigrationSettings(qmp, changed, before);
    await setCapabilities(
      qmp,
      changed.map(({ capability, state }) => ({ capability, state: state !== true })),
    );
    await qmp.execute('migrate-set-parameters', PARAMETERS);
    return settings;
  }

  async restore(): Promise<void> {
    await setCapabilities(this.#qmp, this.#capabilities);
    await this.#qmp.execute('migrate-set-parameters', this.#parameters);
  }
}

async function setCapabilities(qmp: QmpClient, capabilities: readonly JsonObject[]): Promise<void> {
  if (capabilities.length > 0) await qmp.execute('migrate-set-capabilities', { capabilities });
}
