declare module "@fastify/swagger-ui/static/swagger-ui-bundle.js" {
  export interface SwaggerRequest {
    readonly method?: string;
    readonly headers: Record<string, string>;
  }
  export default function SwaggerUI(options: Readonly<Record<string, unknown>>): unknown;
}
